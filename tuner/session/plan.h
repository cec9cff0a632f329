// Plan: how all graphs of one structure are realized: their kernels in order, and which buffer each
// argument is. Two graphs have the same structure if they differ only in the buffers of their
// leaves, so a training step is planned once. Used by session.cpp, which makes the plans.
//
// A plan holds no node and no buffer, so graphs and their memory can be freed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/node.h"
#include "lower/fusion.h"

namespace tenon {

// The program of a kernel. All plans that run the kernel share it, so all of them change to a
// faster program at once.
using SharedProgram = std::shared_ptr<Device::ProgramRef>;

struct Plan {
  // Slots: the leaves in the order of their first visit, then what the kernels write.
  struct Step {
    SharedProgram program = nullptr;        // null: the kernel writes no element
    std::vector<int> slots = {};            // one per argument
    std::vector<std::size_t> offsets = {};  // in bytes: where each argument begins in its slot
    std::vector<int> last_used = {};        // written slots that no later step reads
    // A leaf that may be read from a copy in blocks, and the program that does so, which is null
    // until it is compiled.
    std::optional<Blocks> blocks = {};
    SharedProgram blocked = nullptr;
  };
  int leaves = 0;
  std::vector<std::size_t> written = {};  // bytes of each written slot
  std::vector<Step> steps = {};
  // The slot of each node wanted. If it is also the slot of a leaf or of another node wanted, the
  // session copies its contents.
  std::vector<int> results = {};
};

// The structure of a graph, and the leaves of this graph.
struct Structure {
  std::string key = {};              // bytes; equal keys mean equal structure
  std::vector<NodeRef> leaves = {};  // with buffers, by first visit
};
// A realized node counts as the leaf that holds its value. Error: a leaf was overwritten since it
// was made.
Structure structure_of(std::span<const NodeRef> wanted, const NodeTable& table);

// Gives every argument of the kernels a slot. The caller fills in the programs. `kernels` stand in
// the order in which they run, `wanted` are the nodes after the rules, `leaves` those of the
// structure.
Plan place(std::span<const NodeRef> wanted, std::span<const KernelGraph> kernels,
           std::span<const NodeRef> leaves);

}  // namespace tenon
