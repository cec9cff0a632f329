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
// b for blocks (bb for groups of blocks) and l for lanes:
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

// New loops `name`.i, j, l .. over a shape, and the index along each of its axes. An axis of one
// element has no loop.
struct ShapeLoops {
  std::vector<Var> loops;
  std::vector<Index> at;
};
ShapeLoops loops_over(Kernel& kernel, const Shape& shape, const std::string& name);

// A new tensor of the kernel that holds the value of the node.
int add_tensor(Kernel& kernel, const Node& node, std::string name, Where where);

}  // namespace tenon
