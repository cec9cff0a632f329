// An object that calls a function that it does not define, for codegen_slab_test.cpp.
extern "C" float not_there(float x);
extern "C" void kernel(float* x) { *x = not_there(*x); }
