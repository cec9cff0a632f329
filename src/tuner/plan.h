// Plan: what realizing a graph of one structure amounts to: kernels in order, and which buffer goes
// where. Two graphs have the same structure where they differ in nothing but the buffers of their
// leaves, so that a training step is planned once. Used by session.cpp, which makes the plans.
//
// A plan holds no node and no buffer: graphs come and go, and memory stays flat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/node.h"
#include "lower/fuse.h"

namespace tenon {

struct Plan {
  // Slots: the leaves in the order of their first visit, then what the kernels write.
  struct Written {
    std::size_t bytes;
  };
  struct Step {
    Device::ProgramRef program;  // null: the kernel writes no element
    std::vector<int> slots;      // one per argument
    std::vector<int> last_used;  // written slots that no later step reads
  };
  struct Result {
    int slot;
    bool is_leaf;  // the graph amounted to one of its own leaves, which is copied
  };
  std::size_t leaves = 0;
  std::vector<Written> written;
  std::vector<Step> steps;
  std::vector<Result> results;  // one per node wanted
};

// The structure of graphs, read off in one walk. Keeps its memory between calls.
class StructureWalk {
 public:
  // Realized nodes count as their leaves. Error where a leaf was overwritten since it was made.
  void walk(std::span<const NodeRef> wanted, const NodeTable& table);
  const std::string& key() const { return key_; }  // bytes; equal keys mean equal structure
  const std::vector<NodeRef>& leaves() const { return leaves_; }  // with buffers, by first visit
  void clear();                                                   // lets go of the leaves

 private:
  struct Visit {
    const Node* node;
    std::size_t next_input;
  };
  void enter(const NodeRef& node, const NodeTable& table);
  void write(const Node& node);
  void number(std::int64_t value);
  void index(const Index& index);

  std::string key_;
  std::vector<NodeRef> leaves_;
  std::vector<Visit> open_;
  std::unordered_map<const Node*, int> seen_;  // nodes and their numbers
  int written_ = 0;
};

// Places the buffers of the kernels, in the order in which they run; programs are left for the
// caller to fill in. `wanted` are the nodes after the rules. Leaves that the rules brought in, by
// finding a node that had been realized, are appended to `leaves`: such a plan is for one use.
Plan place(std::span<const NodeRef> wanted, std::span<const KernelGraph> kernels,
           std::vector<NodeRef>& leaves);

}  // namespace tenon
