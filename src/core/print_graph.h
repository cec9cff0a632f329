// The text form of a graph, printed: for dumps, hashes and golden tests. docs/graph-text.md is the
// grammar; text/parse_graph.h reads it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/node.h"

namespace tenon {

// The right side of a node's line; `operands` are the names of its inputs, with commas. It is
// exact: different nodes over the same operands have different texts or types.
std::string print_node(const Node& node, std::string_view operands);

// The primitive graph under `roots`, a line a node in order of first visit (inputs first), leaves
// and nodes numbered so that the same structure always gives the same text: buffers are ignored.
// The text can be parsed back, to the same nodes.
std::string print_graph(std::span<const NodeRef> roots);

}  // namespace tenon
