// Graph rules: rewrites of a graph that hold for every device and every schedule. The session
// applies them before fusion (fusion.h), so they are part of what a graph means. rules.cpp has
// their table: one rule a line, its mathematics on the left.
#pragma once

#include "core/node.h"

namespace tenon {

// Returns the rewritten nodes, in the order of `wanted`. A rewritten node takes the name of the
// node that it replaces, unless it has a name already. A realized node is replaced by its leaf; a
// node that a rule makes never is. Two nodes may become one. A requested reshape of a computed
// value is replaced by the value itself.
//
// Ensures: no rule applies to the nodes returned, nor to any node below them. A sum of products is
// a Reduce of two inputs. The input of a View is a View only if both have ranges, with different
// fills. No node has constants as its only inputs.
std::vector<NodeRef> apply_rules(std::span<const NodeRef> wanted, NodeTable& table);

}  // namespace tenon
