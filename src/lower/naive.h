// The naive nest of a kernel: loops in the order of the nodes' axes, reductions in their canonical
// order. It is correct and slow; every schedule starts from it. Read next: canonical.h, moves.h.
#pragma once

#include "lower/fuse.h"
#include "lower/nest.h"

namespace tenon {

Kernel naive(const KernelGraph& graph);

}  // namespace tenon
