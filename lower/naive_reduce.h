// The loops of a Reduce, in its canonical order (canonical.h). Used by naive.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/node.h"
#include "lower/naive_value.h"
#include "lower/nest.h"

namespace tenon {

// Appends loops that compute `reduce` into the tensor `target` of its shape, and the locals that
// they need. Loops are named `name`.i, j, l .. for kept axes and k, r, s .. for reduced ones, with
// b for blocks (bb for groups of blocks) and l for strands (most schedules make them lanes):
//
//   for i 8
//     for kb 2
//       for k 16
//         for kl 64
//           part[i,kl] += x[i,1024*kb + 64*k + kl] over k
//       for kl 64
//         tot[i,kl] += part[i,kl] over kb
//     sum[i] = fold(tot[i,:64])
void append_reduce(Kernel& kernel, NodeValues& values, const Node& reduce, int target,
                   const std::string& name);

}  // namespace tenon
