// The steps from LLVM IR to what the cache keeps and cpu_device maps. Used by module.cpp.
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
