#include "codegen/compile.h"

#include <dlfcn.h>

#include "codegen/llvm/module.h"
#include "core/error.h"

namespace tenon {
namespace {

// Opened once and never closed: LLVM does not survive being unloaded.
const CompilerModule& module() {
  static const CompilerModule& opened = []() -> const CompilerModule& {
    void* library = dlopen("tenon_llvm.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("the compiler cannot be opened: {}; is it installed?", dlerror());
    using Door = decltype(&tenon_llvm_module);
    const auto door = reinterpret_cast<Door>(dlsym(library, "tenon_llvm_module"));
    if (!door) fail("tenon_llvm.so is not Tenon's compiler: {}", dlerror());
    return *door();
  }();
  return opened;
}

}  // namespace

Compiled compile(const FinishedKernel& kernel, Isa isa) { return module().compile(kernel, isa); }

std::string print(const FinishedKernel& kernel, Isa isa, Output output) {
  return module().print(kernel, isa, output);
}

std::string compiler_version() { return TENON_COMPILER_VERSION; }

}  // namespace tenon
