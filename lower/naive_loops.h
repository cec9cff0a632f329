// The tensor of a node and the loops over a shape: what the naive nest of every node begins with.
// Used by naive.cpp and naive_reduce.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/node.h"
#include "lower/nest.h"

namespace tenon {

// A new tensor of the kernel that holds the value of the node. Returns its number.
int add_tensor(Kernel& kernel, const Node& node, std::string name, Where where);

// New loops `name`.i, j, l .. over a shape, and the index along each of its axes. An axis of one
// element has no loop, and its index is 0.
struct ShapeLoops {
  std::vector<Var> loops;
  std::vector<Index> at;
};
ShapeLoops loops_over(Kernel& kernel, const Shape& shape, const std::string& name);

// The name of the loop over the axis in this position: `name`, a dot and one of the letters.
std::string axis_name(const std::string& name, std::string_view letters, std::size_t position);

}  // namespace tenon
