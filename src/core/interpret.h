// The interpreter: the oracle of every test, slow and obvious. It computes each node in double
// (integers wrapped to their type), accumulates in double, and rounds every node's result to its
// type.
#pragma once

#include <span>
#include <vector>

#include "core/node.h"

namespace tenon {

// The values of every node asked for, row-major, as doubles. Leaves are read through `device`.
std::vector<std::vector<double>> interpret(std::span<const NodeRef> nodes, Device& device);

}  // namespace tenon
