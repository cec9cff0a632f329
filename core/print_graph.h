// Prints the text form of a graph, for dumps, hashes and golden tests. docs/graph-text.md has the
// grammar, and text/parse_graph.h reads it.
#pragma once

#include "core/node.h"

namespace tenon {

using PrintedNames = std::unordered_map<const Node*, std::string>;
// Prints a line for each node, such as `%2 = add(in0, %1)  # f32[4]`. A node without a name is
// named after its number, and that name is added to `names`. Requires: every input of a node has a
// name in `names`, or comes before it in `nodes`. Different nodes over the same operands have
// different lines. `detail_of` gives what is printed in place of a node's own detail.
std::string print_nodes(
    std::span<const NodeRef> nodes, PrintedNames& names,
    const std::function<Node::Detail(const Node&)>& detail_of = std::mem_fn(&Node::detail));

// Prints the primitive graph under `roots`, a line for each node, inputs first, in the order of
// first visit. Nodes are numbered and buffers are ignored, so graphs of the same structure have the
// same text. Parsing the text gives the same nodes. For people, `names` may give nodes names in
// place of numbers.
std::string print_graph(std::span<const NodeRef> roots, PrintedNames names = {});

}  // namespace tenon
