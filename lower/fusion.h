// Fusion: which nodes of a graph share a kernel. Requires a graph after rules (rules.h). Used by
// the session, which lowers (naive.h), schedules and runs the kernels in this order.
//
// Ensures: every wanted node that is no buffer leaf is the output of one kernel; a kernel's inputs
// are buffer leaves or outputs of earlier kernels; no Reduce is computed twice.
//
// Nodes are put together greedily and in the order of the graph, by these rules. fusion.cpp has a
// function for each of them, graph_reads.h the facts about memory and reads.
//
//   memory   A node gets memory if it is wanted, is a Reduce or a Scatter, is the data of a Gather,
//            or is worth keeping. A node that is computed from a node with memory, such as a
//            Reduce, is worth keeping if its elements are read more than twice, or if it is no
//            larger than that node and no reader reads it at rows (see below). Any other node is
//            worth keeping if its elements are read four times or more and it is costly or an
//            operand of a contraction (see below). Four operations are costly, or one division.
//            A costly value that is computed from a node with memory is also kept, a row at a
//            time, if it is read more than once and the loops of all readers begin with its own
//            row axis: the exponentials of a softmax.
//            Every other node is computed where it is read.
//   size     A node gets memory if the code that computes it would be large, and groups join only
//            up to a size, because code generation takes more than linear time. Every value is
//            rounded at its node, in memory or not, so no bit depends on where a kernel ends.
//   rows     A kernel takes in the nodes that read its results at the same rows, that is at exactly
//            the outer loops over which the results are computed. So softmax, layernorm and an
//            epilogue (bias, relu) go with their Reduces.
//   siblings Reduces, or element-wise results, over the same axes of one input share a kernel.
//   products A contraction is a Reduce that reads both operands repeatedly, such as a matmul. Its
//            kernel holds only element-wise work of its own shape beside it, so that the loops can
//            be tiled. A Scatter has a kernel of its own.
//   locals   Memory that only its own kernel reads is a local. A cheap value that is read at rows,
//            such as a learning rate, is computed in every kernel that reads it, if it reads
//            nothing but buffers and other such values.
#pragma once

#include "core/node.h"
#include "core/print_graph.h"

namespace tenon {

// An input that the kernel reads from a copy in another layout (blocked_inputs.h). In the copy,
// each `width` neighbours along the axis lie side by side, for all elements of the other axes.
struct Blocks {
  std::size_t input;   // its place among the kernel's inputs
  std::size_t axis;    // of the input
  std::int64_t width;  // elements
};

struct KernelGraph {
  std::vector<NodeRef> inputs;  // in order of first visit from the outputs
  std::vector<NodeRef> locals;  // computed into temporaries inside the kernel, in order
  std::vector<NodeRef> outputs;
  std::optional<Blocks> blocks = {};  // fusion gives none
};

std::vector<KernelGraph> fusion(std::span<const NodeRef> wanted);

// The nodes that the kernel computes: its locals, its outputs and all nodes between them and the
// kernel's inputs. They are in order of first visit, operands first.
std::vector<NodeRef> nodes_of(const KernelGraph& kernel);

// The kernel's graph as text, the same for the same structure: the cache's key. Nodes are numbered
// in order of first visit and printed as in the text of a graph (core/print_graph.h). Buffers are
// ignored, and so is where in an input the kernel's part of it begins (input_parts.h):
//
//   in0 f32[4,5]
//   in1 f32[5,3]
//   %0 = view(in0, shape=[4,3,5], map=[a0, a2])  # f32[4,3,5]
//   %1 = view(in1, shape=[4,3,5], map=[a2, a1])  # f32[4,3,5]
//   %2 = reduce(%0, %1, with=sum, axes=[2])  # f32[4,3]
//   output %2
//
// A line `strands %2` says that the Reduce %2 adds up in strands (canonical.h). The line is there
// because what lies below the inputs may decide it. For people, nodes may be given names in place
// of numbers; such a text is not the key.
std::string canonical_text(const KernelGraph& kernel, PrintedNames names = {});

}  // namespace tenon
