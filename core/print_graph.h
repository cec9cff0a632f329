// Prints the text form of a graph, for dumps, hashes and golden tests. docs/graph-text.md has the
// grammar, and text/parse_graph.h reads it.
#pragma once

#include <span>
#include <string>
#include <unordered_map>

#include "core/node.h"

namespace tenon {

// Prints a line for each node, such as `%2 = add(in0, %1)  # f32[4]`, and adds the node's name, %2,
// to `names`. Requires: `names` has the inputs of every node, or the nodes contain them. Different
// nodes over the same operands have different lines.
using PrintedNames = std::unordered_map<const Node*, std::string>;
std::string print_nodes(std::span<const NodeRef> nodes, PrintedNames& names);

// Prints the primitive graph under `roots`, a line for each node, inputs first, in the order of
// first visit. Buffers are ignored, so graphs of the same structure have the same text. Parsing the
// text gives the same nodes.
std::string print_graph(std::span<const NodeRef> roots);

}  // namespace tenon
