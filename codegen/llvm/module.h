// What tenon_llvm.so, the one module that links LLVM, offers: a table of functions, found by the
// name tenon_llvm_module. Used by codegen/cpu_backend.cpp, which opens it at the first compile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "codegen/cpu_info.h"

namespace llvm {
class Module;
}  // namespace llvm

namespace tenon {

using Generated = std::variant<std::string, CompileFailure>;

struct CompilerModule {
  // LLVM IR, assembly in Intel's syntax, or an ELF object of a finished kernel (module.cpp).
  Generated (*generate)(const FinishedKernel& kernel, Isa isa, Output output);
  // What the cache keeps and cpu_device maps (slab.cpp): the object, linked as one contiguous,
  // position-independent image, code first, then read-only data, as if it were to run at `address`,
  // a multiple of a page. Fails, by name, on a symbol that the object does not define itself, and
  // on data that would have to be written.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
};

Compiled lay_out(std::string_view object, std::uint64_t address);

// Assembly or an object of the module, with as few of LLVM's passes as do (target.cpp). Fails where
// a register tensor did not fit into registers and is too large for the stack.
Generated machine_code(llvm::Module& module, Isa isa, Output output);

}  // namespace tenon

extern "C" const tenon::CompilerModule tenon_llvm_module;
