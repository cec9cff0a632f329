// The interface of tenon_llvm.so, the one module that links LLVM: a table of functions, found by
// the name tenon_llvm_module. codegen/cpu_backend.cpp opens the module at the first compile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "codegen/cpu_backend.h"

namespace llvm {
class Module;
class TargetMachine;
namespace orc {
class ThreadSafeModule;
}
}  // namespace llvm

namespace tenon {

using Printed = std::variant<std::string, CompileFailure>;

struct CompilerModule {
  Compiled (*compile)(const FinishedKernel& kernel, Isa isa);
  // LLVM IR, assembly in Intel's syntax, or an ELF object.
  Printed (*print)(const FinishedKernel& kernel, Isa isa, Output output);
  // The last step of compiling (below), for the test that code does not depend on its address.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
};

// ---- inside the module: the steps from LLVM IR to a slab ----
//
// A slab is the image that the cache keeps and cpu_device maps: contiguous and
// position-independent, code first, then read-only data.

// A target machine serves one compile: LLVM's are not safe to share between threads (target.cpp).
std::unique_ptr<llvm::TargetMachine> make_machine(Isa isa);

// Makes the module ready for code generation, with two passes (target.cpp). Returns why that
// failed: the tensors that were not turned into registers are too large for the stack.
std::optional<std::string> prepare(llvm::Module& module, const llvm::TargetMachine& machine);

// The slab of a prepared module: ORC compiles the module and links the object (slab.cpp). Fails on
// a symbol that the object does not define itself, which it names, and on writable data.
Compiled link(llvm::orc::ThreadSafeModule module, std::unique_ptr<llvm::TargetMachine> machine);
// The second half of link(): links an object for `address`, a multiple of a page.
Compiled lay_out(std::string_view object, std::uint64_t address);

}  // namespace tenon

extern "C" const tenon::CompilerModule tenon_llvm_module;
