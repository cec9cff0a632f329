// Which nodes have memory, and who reads them: the facts that fusion.cpp decides on. A node with
// memory is an argument or a local of a kernel. Every other node is computed where it is read. For
// example, in sum(x * y) the Reduce has memory, the product has none, and the Reduce reads x and y.
#pragma once

#include "core/node.h"

namespace tenon {

// In each of its iterations the node `reader`, which has memory, needs the element `at` of another
// node. The indices `at` are over the axes of the reader's loops. `at` is nullopt if the reader is
// a Scatter, or if an index is computed by the graph.
struct Read {
  const Node* reader;
  std::optional<std::vector<Index>> at;
  friend bool operator==(const Read& a, const Read& b) = default;
};

struct NodeReads {
  std::vector<Read> reads = {};  // those that read the node
  bool has_memory = false;       // false for buffer leaves
  // The elements of the largest node with memory, such as a Reduce, that this node is computed from
  // without other memory between them. -1: it is computed from buffers alone.
  std::int64_t source = -1;
  int depth = 0;  // the longest path from the node down to memory, in nodes
  // The node is costly and read more than once, and the loops of all readers begin with its own row
  // axis. Its kernel keeps it a row at a time. An example are the exponentials of a softmax.
  bool is_kept_in_rows = false;
  // The node is a Reduce of two inputs, both read repeatedly: a matrix product or a convolution.
  bool is_contraction = false;

  bool is_derived() const { return source >= 0; }
};

struct GraphReads {
  std::vector<NodeRef> nodes;  // all of them, inputs first
  std::unordered_map<const Node*, NodeReads> facts = {};

  const NodeReads& of(const Node& node) const { return facts.at(&node); }
};
GraphReads read_graph(std::span<const NodeRef> wanted);

// About how many instructions one vector of the node's results takes, with all nodes that are
// computed where they are read.
int code_size(const GraphReads& graph, const Node& node);

// The extents of the node's loops, if it has memory: the shape of the inputs of a Reduce, and the
// node's own shape otherwise. iterations() is their product.
const Shape& iteration_shape(const Node& node);
inline std::int64_t iterations(const Node& node) { return elements(iteration_shape(node)); }

// Is the element that is read given by exactly the outermost loops of the reader? Then these loops
// can be merged with the loops that computed it.
bool is_at_rows(const Node& read_node, const Read& read);

}  // namespace tenon
