// The naive nest of a kernel. Its loops stand in the order of the nodes' axes, and its reductions
// have their canonical order (canonical.h). It is correct and slow, and every schedule starts from
// it. Read next: moves.h; names.h for the names that people use.
#pragma once

#include "lower/fusion.h"
#include "lower/nest.h"

namespace tenon {

// Makes the nest, and verifies it in builds with the option verify. A tensor is named after its
// kind (in0, sum, map2), a loop after the tensor that it computes (sum.k).
Kernel naive(const KernelGraph& graph);

}  // namespace tenon
