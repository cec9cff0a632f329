// The backend of this machine's CPU. Used by tuner/session and by `tenon device`. The compiler is
// LLVM, which sits in one module (tenon_llvm.so) that is opened at the first compile. Read next:
// llvm/emission.h for how a nest becomes code, cpu_device.h for how code is run.
#pragma once

#include <string>
#include <string_view>

#include "codegen/backend.h"
#include "codegen/cpu_info.h"

namespace tenon {

// `threads` of 0 means as many as the process may run on. `isa` names the instruction set to use,
// "avx512", "avx2" or "fma128"; "" means the widest one. Error: the number is negative, the name is
// unknown, or this processor lacks the instructions.
Backend cpu_backend(int threads = 0, std::string_view isa = "");

// The functions of the backend, for any instruction set.
Compiled compile(const FinishedKernel& kernel, Isa isa);
std::string print(const FinishedKernel& kernel, Isa isa, Output output);

}  // namespace tenon
