// What tenon_llvm.so, the one module that links LLVM, offers: a table of functions, found by the
// name of tenon_llvm_module(). Used by codegen/compile.cpp, which opens it at the first compile.
#pragma once

#include <cstdint>
#include <string>

#include "codegen/compile.h"

namespace tenon {

inline constexpr std::uint64_t default_slab_address = 0x10'0000;  // anywhere will do

enum class Output : std::uint8_t { ir, assembly, object };

struct CompilerModule {
  // The slab as laid out for `address`; it must not depend on it.
  Compiled (*compile)(const FinishedKernel& kernel, Isa isa, std::uint64_t address);
  std::string (*print)(const FinishedKernel& kernel, Isa isa, Output output);
};

}  // namespace tenon

extern "C" const tenon::CompilerModule* tenon_llvm_module();
