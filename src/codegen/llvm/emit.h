// emit: a finished nest as an LLVM module with one visible function, `kernel`, and the bodies of
// its parallel loops. Used by module.cpp. Read next: emission.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "codegen/compile.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace tenon {

// Why this nest cannot become code for a CPU, if it cannot.
std::optional<std::string> unsupported(const FinishedKernel& kernel);

// Requires that unsupported() has nothing to say.
std::unique_ptr<llvm::Module> emit(const FinishedKernel& kernel, Isa isa,
                                   llvm::LLVMContext& context);

}  // namespace tenon
