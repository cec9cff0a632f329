// How much code a finished nest becomes. A backend refuses a nest that would compile for minutes.
// Used by codegen.
#pragma once

#include "lower/nest.h"

namespace tenon {

// How many operations stand in the kernel's code: reads, writes and scalar operations. In an
// unrolled loop each of them counts once for every iteration. A vector counts once for 16 lanes if
// its elements lie side by side in memory, and once for each lane if they do not.
double emitted_operations(const Kernel& kernel);

}  // namespace tenon
