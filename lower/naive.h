// The naive nest of a kernel. Its loops stand in the order of the nodes' axes, and its reductions
// have their canonical order (canonical.h). It is correct and slow, and every schedule starts from
// it. Read next: moves.h.
#pragma once

#include <functional>
#include <string>

#include "lower/fusion.h"
#include "lower/nest.h"

namespace tenon {

// The name of a node. Its tensor gets this name, and the names of its loops begin with it. A node
// with the name "" is named after its kind: in0, sum, map2.
using NodeNames = std::function<std::string(const Node&)>;
std::string leaf_name(const Node& node);  // "" if the node is no buffer leaf

// Makes the nest, and verifies it in builds with the option verify.
Kernel naive(const KernelGraph& graph, const NodeNames& names = leaf_name);

}  // namespace tenon
