// What tenon_llvm.so, the one module that links LLVM, offers: a table of functions, found by the
// name of tenon_llvm_module(). Used by codegen/compile.cpp, which opens it at the first compile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codegen/compile.h"

namespace tenon {

struct CompilerModule {
  Compiled (*compile)(const FinishedKernel& kernel, Isa isa);
  // The last step of compiling (steps.h), for tests: the slab must not depend on the address.
  Compiled (*lay_out)(std::string_view object, std::uint64_t address);
  std::string (*print)(const FinishedKernel& kernel, Isa isa, Output output);
};

}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module();
