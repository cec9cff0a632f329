// Who reads what, at which index: what fusion decides on. A node has memory (a kernel's argument or
// local) or is computed where it is read; this says which, and lists the reads of every node.
// Used by fusion.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/node.h"

namespace tenon {

// A node with memory, `reader`, needs the element `at` of another node in each of its iterations.
// Indices are over the iteration axes of the reader: those of its shape or, of a Reduce, those of
// its inputs.
struct Read {
  const Node* reader;
  std::vector<Index> at;
  bool by_position;  // false: at a computed index, or by a Scatter: never at rows
  friend bool operator==(const Read& a, const Read& b) = default;
};

struct NodeReads {
  std::vector<Read> reads = {};  // of the node
  bool has_memory = false;       // buffers aside
  bool is_derived = false;       // computed from something with memory, such as a Reduce
  int depth = 0;                 // of what is computed where it is read, down to memory
  // Costly, read more than once, and only by what runs over its own leading axes: its kernel keeps
  // it a row at a time. The exponentials of a softmax.
  bool is_kept_in_rows = false;
  // A Reduce of two inputs that both are read repeatedly: a product of matrices, a convolution.
  bool is_contraction = false;
};

struct GraphReads {
  std::vector<NodeRef> nodes;  // all of them, inputs first
  std::unordered_map<const Node*, NodeReads> facts = {};

  const NodeReads& of(const Node& node) const { return facts.at(&node); }
};
GraphReads read_graph(std::span<const NodeRef> wanted);

// How often a node with memory computes its value: the iterations of its loops.
std::int64_t iterations(const Node& node);

// Is the element read at exactly the reader's outermost loops, so that its loops can be merged with
// those that computed it?
bool is_at_rows(const Node& read_node, const Read& read);

}  // namespace tenon
