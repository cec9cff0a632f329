// The interface of tenon_llvm.so, the one module that links LLVM: a table of functions, found by
// the name tenon_llvm_module. codegen/cpu_backend.cpp opens the module at the first compile.
#pragma once

#include "codegen/cpu_backend.h"

namespace tenon {

using Printed = std::variant<std::string, Refusal>;

// Compiling is both, one after the other: a nest becomes an object, and the object an image.
struct CompilerModule {
  // LLVM IR, assembly in Intel's syntax, or an ELF object.
  Printed (*print)(const FinishedKernel& kernel, Isa isa, Output output);
  // lay_out() below.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
};

// In slab.cpp: links an object for `address`, a multiple of a page. A slab is the image that the
// cache keeps and cpu_device maps: contiguous and position-independent, code first, then read-only
// data. Fails on a symbol that the object does not define itself, which it names, and on writable
// data.
Compiled lay_out(std::string_view object, std::uint64_t address);

}  // namespace tenon

extern "C" const tenon::CompilerModule tenon_llvm_module;
