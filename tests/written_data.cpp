// An object with data that it writes, for codegen_slab_test.cpp.
static int calls;
extern "C" void kernel(int* x) { *x = ++calls; }
