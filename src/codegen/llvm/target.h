// From LLVM IR to machine code for one Isa: a target machine and as few passes as do.
// Used by module.cpp. Read next: slab.h.
#pragma once

#include <string>
#include <variant>

#include "codegen/llvm/module.h"

namespace llvm {
class Module;
}

namespace tenon {

// The IR as it is, assembly in Intel's syntax, or an ELF object. Fails where a register tensor did
// not fit into registers and is too large for the stack.
std::variant<std::string, CompileFailure> generate(llvm::Module& module, Isa isa, Output output);

}  // namespace tenon
