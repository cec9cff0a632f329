// What tenon_llvm.so, the one module that links LLVM, offers: a table of functions, found by the
// name of tenon_llvm_module(). Used by codegen/compile.cpp, which opens it at the first compile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "codegen/compile.h"

namespace llvm {
class Module;
}

namespace tenon {

struct CompilerModule {
  Compiled (*compile)(const FinishedKernel& kernel, Isa isa);
  // The last step of compiling (below), for tests: the slab must not depend on the address.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
  std::string (*print)(const FinishedKernel& kernel, Isa isa, Output output);
};

// ---- inside: the steps from LLVM IR to what the cache keeps and cpu_device maps ----

// The IR as it is, assembly in Intel's syntax, or an ELF object: for one Isa, with as few passes as
// do (target.cpp). Fails where a register tensor did not fit into registers and is too large for
// the stack.
std::variant<std::string, CompileFailure> generate(llvm::Module& module, Isa isa, Output output);

// The slab: the object laid out as one contiguous, position-independent image, code first, then
// read-only data, as if it were to run at `address`, a multiple of a page (slab.cpp). Fails, by
// name, on a symbol that the object does not define itself, and on data that would have to be
// written.
Compiled lay_out(std::string_view object, std::uint64_t address);

}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module();
