// Graph rules: rewrites that hold for every device and schedule, applied before fusion, so that
// they are part of what a graph means. rules.cpp ends with their table: one rule a line, its
// mathematics on the left.
#pragma once

#include <span>
#include <vector>

#include "core/node.h"

namespace tenon {

// The rewritten nodes, in the same order, under the same names (a node that has one keeps it).
// Realized nodes become their leaves, but none that a rule makes; two nodes may become one.
// A requested reshape of a computed value is replaced by the value itself (drop_reshapes.h).
//
// Ensures: no rule applies to any node below; a sum of products is a Reduce of two inputs; a View
// is never of a View unless both have ranges, with different fills; nothing is computed from
// constants alone.
std::vector<NodeRef> apply_rules(std::span<const NodeRef> wanted, NodeTable& table);

}  // namespace tenon
