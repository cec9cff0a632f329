// The first file of tenon_llvm.so; it proves that the module finds LLVM.
#include <llvm/Config/llvm-config.h>
#include <llvm/Support/raw_ostream.h>

extern "C" const char* tenon_llvm_version() {
  llvm::outs().flush();
  return LLVM_VERSION_STRING;
}
