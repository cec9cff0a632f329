// Fusion: which nodes of a graph share a kernel. Requires a graph after rules (rules.h). Used by
// the session, which lowers (naive.h), schedules and runs the kernels in this order.
//
// Ensures: every node wanted is the output of one kernel; a kernel's inputs are buffer leaves or
// outputs of earlier kernels; element-wise work, views, gathers, constants and iota are computed
// where they are used; a Reduce goes with the Reduces and the element-wise work over the same rows
// (softmax and layernorm are one kernel each); a Scatter is a kernel's last statement.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/node.h"

namespace tenon {

struct KernelGraph {
  std::vector<NodeRef> inputs;  // in order of first visit from the outputs
  std::vector<NodeRef> locals;  // computed into temporaries inside the kernel, in order
  std::vector<NodeRef> outputs;
};

std::vector<KernelGraph> fuse(std::span<const NodeRef> wanted);

// The kernel's graph as text with inputs numbered, the same for the same structure: the cache's
// key.
std::string canonical_text(const KernelGraph& kernel);

}  // namespace tenon
