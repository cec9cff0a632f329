// The naive nest of a kernel: loops in the order of the nodes' axes, reductions in their canonical
// order. It is correct and slow; every schedule starts from it. Read next: canonical.h, moves.h.
#pragma once

#include <functional>
#include <string>

#include "lower/fusion.h"
#include "lower/nest.h"

namespace tenon {

// What a node is called: its tensor and, before the dot, its loops. "" leaves it to its kind: in0,
// sum, map2.
using NodeNames = std::function<std::string(const Node&)>;
std::string leaf_name(const Node& node);  // "" for what is computed

// Verified, in builds with the option verify.
Kernel naive(const KernelGraph& graph, const NodeNames& names = leaf_name);

}  // namespace tenon
