// The naive nest of a kernel: loops in the order of the nodes' axes, reductions in their canonical
// order. It is correct and slow; every schedule starts from it. Read next: canonical.h,
// moves.h; names.h for the names that people use.
#pragma once

#include "lower/fusion.h"
#include "lower/nest.h"

namespace tenon {

// Tensors are named after their kind: in0, sum, map2; and loops after the tensor that they compute:
// sum.k. Verified, in builds with the option verify.
Kernel naive(const KernelGraph& graph);

}  // namespace tenon
