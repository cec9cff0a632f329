// What tenon_llvm.so, the one module that links LLVM, offers: a table of functions, found by the
// name tenon_llvm_module. Used by codegen/cpu_backend.cpp, which opens it at the first compile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "codegen/cpu_info.h"

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
  // The last step of compiling (below), for tests that the slab does not depend on the address.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
};

// ---- inside: the steps from LLVM IR to what the cache keeps and cpu_device maps ----

// A target machine serves one compile: LLVM's are not safe to share between threads (target.cpp).
std::unique_ptr<llvm::TargetMachine> make_machine(Isa isa);

// Makes the module ready for code generation with as few passes as do (target.cpp). Returns why it
// cannot be: a register tensor did not fit into registers and is too large for the stack.
std::optional<std::string> prepare(llvm::Module& module, const llvm::TargetMachine& machine);

// The slab of a prepared module: ORC compiles it and links the object as one contiguous,
// position-independent image, code first, then read-only data (slab.cpp). Fails, by name, on a
// symbol that the object does not define itself, and on data that would have to be written.
Compiled link(llvm::orc::ThreadSafeModule module, std::unique_ptr<llvm::TargetMachine> machine);
// Its second half: links an object as if it were to run at `address`, a multiple of a page.
Compiled lay_out(std::string_view object, std::uint64_t address);

}  // namespace tenon

extern "C" const tenon::CompilerModule tenon_llvm_module;
