// The text form of a graph, printed: for dumps, hashes and golden tests. docs/graph-text.md is the
// grammar; text/parse_graph.h reads it.
#pragma once

#include <span>
#include <string>
#include <unordered_map>

#include "core/node.h"

namespace tenon {

using PrintedNames = std::unordered_map<const Node*, std::string>;
// Prints one line for each node: `%2 = add(in0, %1)  # f32[4]`. Its inputs must have names already,
// and a node without a name is named after its number. The text is exact: different nodes over the
// same operands have different lines.
std::string print_nodes(std::span<const NodeRef> nodes, PrintedNames& names);

// The primitive graph under `roots`, a line a node in order of first visit (inputs first), leaves
// and nodes numbered so that the same structure always gives the same text: buffers are ignored.
// The text can be parsed back, to the same nodes. For people, nodes may be given names in place of
// numbers.
std::string print_graph(std::span<const NodeRef> roots, PrintedNames names = {});

}  // namespace tenon
