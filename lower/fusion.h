// Fusion: which nodes of a graph share a kernel. Requires a graph after rules (rules.h). Used by
// the session, which lowers (naive.h), schedules and runs the kernels in this order.
//
// Ensures: every node wanted, buffer leaves aside, is the output of one kernel; a kernel's inputs
// are buffer leaves or outputs of earlier kernels; no Reduce is computed twice.
//
// How nodes are put together, greedily and in the order of the graph (fusion.cpp, where each rule
// stands on its own; graph_reads.h says who reads what at which index):
//
//   memory   A node gets memory if it is wanted, is a Reduce or a Scatter, is the data of a Gather,
//            or is worth keeping: read more than once an element, and either computed from a
//            Reduce, or costly (an operand of a product, or four operations or one hard one, read
//            four times or more). Everything else is computed where it is read.
//            Costly values that are read more than once, and only by what runs over their own
//            leading axes, are kept too, a row at a time: the exponentials of a softmax.
//   rows     A kernel takes in what reads its results at the same rows: at exactly the outer loops
//            over which they are computed. So softmax, layernorm and an epilogue (bias, relu) go
//            with their Reduces.
//   siblings Reduces, or element-wise results, over the same axes of one input share a kernel.
//   products A contraction (both operands are read repeatedly: matmul, convolution) shares its
//            kernel with element-wise work of its own shape and nothing else, so that its loops can
//            be tiled. A Scatter has a kernel of its own.
//   locals   Memory that only its own kernel reads is a local. Cheap values that are read at rows,
//            such as a learning rate, are computed in every kernel that reads them, if what they
//            read themselves are buffers and other such values.
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

std::vector<KernelGraph> fusion(std::span<const NodeRef> wanted);

// What the kernel computes, in memory or on the way there: all nodes below its locals and outputs,
// in order of first visit, inputs first. Its own inputs are left out.
std::vector<NodeRef> nodes_of(const KernelGraph& kernel);

// The kernel's graph as text, the same for the same structure: the cache's key. Nodes are numbered
// in order of first visit and printed as in the text of a graph (core/print_graph.h); buffers are
// ignored:
//
//   in0 f32[4,5]
//   in1 f32[5,3]
//   %0 = view(in0, shape=[4,3,5], map=[a0, a2])  # f32[4,3,5]
//   %1 = view(in1, shape=[4,3,5], map=[a2, a1])  # f32[4,3,5]
//   %2 = reduce(%0, %1, with=sum, axes=[2])  # f32[4,3]
//   output %2
//
// A line `strands %2` says that the Reduce %2 adds up in strands (canonical.h). The line is there
// because what lies below the inputs may decide it.
std::string canonical_text(const KernelGraph& kernel);

}  // namespace tenon
