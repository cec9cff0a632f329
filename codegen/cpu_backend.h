// The backend of this machine's CPU. Used by tuner/session and by `tenon device`.
#pragma once

#include <string_view>

#include "codegen/backend.h"

namespace tenon {

// `threads` of 0 means as many as the process may run on. `isa` names the instruction set to use,
// "avx512", "avx2" or "fma128"; "" means the widest one. Error: the number is negative, the name is
// unknown, or this processor lacks the instructions.
Backend cpu_backend(int threads = 0, std::string_view isa = "");

}  // namespace tenon
