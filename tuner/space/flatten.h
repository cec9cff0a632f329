// Flatten: moves that help every schedule of a kernel, so that they come before all others. They
// fuse axes that lie side by side in memory, because one long axis has one ragged end and two axes
// have one in every row. For a narrow table they also make the fused axis vectors. Used by
// turns.cpp.
#pragma once

#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

// Applies the moves to the kernel, and returns them.
Schedule flatten(Kernel& kernel);

}  // namespace tenon
