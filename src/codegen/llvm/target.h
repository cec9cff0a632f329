// From LLVM IR to machine code for one Isa: a target machine and as few passes as do.
// Used by module.cpp. Read next: slab.h.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "codegen/compile.h"

namespace llvm {
class Module;
}

namespace tenon {

enum class Output : std::uint8_t { object, assembly };

// An ELF object, or assembly in Intel's syntax. Fails where a register tensor did not fit into
// registers and is too large for the stack.
std::variant<std::string, CompileFailure> generate(llvm::Module& module, Isa isa, Output output);

}  // namespace tenon
