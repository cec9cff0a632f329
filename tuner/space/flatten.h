// Flatten: moves that help every schedule of a kernel, so that they come before all others. They
// fuse axes that lie side by side in memory: the tiles of one long axis have one ragged end, and
// those of two axes have one in every row. Used by turns.cpp.
#pragma once

#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

// Applies the moves to the kernel, and returns them.
Schedule flatten(Kernel& kernel);

}  // namespace tenon
