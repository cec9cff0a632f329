// Plan: what realizing a graph of one structure amounts to: kernels in order, and which buffer goes
// where. Two graphs have the same structure where they differ in nothing but the buffers of their
// leaves, so that a training step is planned once. Used by session.cpp, which makes the plans.
//
// A plan holds no node and no buffer: graphs come and go, and memory stays flat.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/node.h"
#include "lower/fusion.h"

namespace tenon {

struct Plan {
  // Slots: the leaves in the order of their first visit, then what the kernels write.
  struct Step {
    Device::ProgramRef program = nullptr;  // null: the kernel writes no element
    std::vector<int> slots = {};           // one per argument
    std::vector<int> last_used = {};       // written slots that no later step reads
  };
  int leaves = 0;
  std::vector<std::size_t> written = {};  // bytes of each written slot
  std::vector<Step> steps = {};
  // The slot of each node wanted. It may be that of a leaf, where the graph amounted to one of its
  // own leaves, or of another node wanted; it is then copied.
  std::vector<int> results = {};
};

// What graphs that share a plan have in common, and what tells them apart.
struct Structure {
  std::string key = {};              // bytes; equal keys mean equal structure
  std::vector<NodeRef> leaves = {};  // with buffers, by first visit
};
// Realized nodes count as their leaves. Error where a leaf was overwritten since it was made.
Structure structure_of(std::span<const NodeRef> wanted, const NodeTable& table);

// Places the buffers of the kernels, in the order in which they run; programs are left for the
// caller to fill in. `wanted` are the nodes after the rules, `leaves` those of their structure.
Plan place(std::span<const NodeRef> wanted, std::span<const KernelGraph> kernels,
           std::span<const NodeRef> leaves);

}  // namespace tenon
