// Who reads what, at which index: what fusion decides on. A node has memory (a kernel's argument or
// local) or is computed where it is read; this says which, and lists the reads of every node.
// Used by fuse.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
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
};

class GraphReads {
 public:
  explicit GraphReads(std::span<const NodeRef> wanted);

  // All nodes, inputs first.
  const std::vector<NodeRef>& nodes() const { return nodes_; }
  bool has_memory(const Node& node) const { return memory_.contains(&node); }  // or is a buffer
  const std::vector<Read>& reads(const Node& node) const;
  // Is the value computed from a Reduce, a Scatter, or another node that a kernel writes?
  bool is_derived(const Node& node) const { return derived_.contains(&node); }
  // Is it costly, read more than once, and only by what runs over its own leading axes? Then its
  // kernel keeps it a row at a time: the exponentials of a softmax.
  bool is_kept_in_rows(const Node& node) const { return kept_in_rows_.contains(&node); }
  // A Reduce of two inputs that both are read repeatedly: a product of matrices, a convolution.
  bool is_contraction(const Node& node) const { return contractions_.contains(&node); }

 private:
  void collect(const NodeRef& node);
  bool is_worth_keeping(const Node& node) const;
  bool is_epilogue(const Node& node) const;
  bool fits_rows(const Node& node) const;
  int cost(const Node& node, int enough) const;
  void add(const Node& input, Read read);
  void pass_on(const Node& node, const Read& read);
  void read_inputs(const Node& node);

  std::vector<NodeRef> nodes_;
  std::unordered_set<const Node*> seen_, memory_, derived_, contractions_, kept_in_rows_;
  std::unordered_map<const Node*, std::vector<Read>> reads_;
};

// How often a node with memory computes its value: the iterations of its loops.
std::int64_t iterations(const Node& node);

// The axes of the reader's loops that are not reduced, outermost first, without those of one
// element, over which there is no loop; a Scatter has none.
std::vector<Var> row_axes(const Node& reader);

// Is the element read at exactly the reader's outermost loops, so that its loops can be merged with
// those that computed it?
bool is_at_rows(const Node& read_node, const Read& read);
}  // namespace tenon
