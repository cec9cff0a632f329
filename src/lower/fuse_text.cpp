// The text of a kernel's graph. Nodes are numbered in order of first visit and printed as in the
// text of a graph (core/print_graph.h); buffers are ignored:
//
//   in0 f32[4,5]
//   in1 f32[5,3]
//   %0 = view(in0, shape=[4,3,5], map=[a0, a2])  # f32[4,3,5]
//   %1 = view(in1, shape=[4,3,5], map=[a2, a1])  # f32[4,3,5]
//   %2 = reduce(%0, %1, with=sum, axes=[2])  # f32[4,3]
//   output %2
#include <unordered_map>

#include <fmt/format.h>

#include "core/print_graph.h"
#include "core/ranges.h"
#include "lower/fuse.h"

namespace tenon {

std::string canonical_text(const KernelGraph& kernel) {
  const auto type = [](const Node& node) { return text(node.type, node.shape); };
  std::string result;
  std::unordered_map<const Node*, std::string> names;
  for (const NodeRef& input : kernel.inputs) {
    const std::string name = fmt::format("in{}", &input - kernel.inputs.data());
    names[input.get()] = name;
    result += fmt::format("{} {}\n", name, type(*input));
  }
  int count = 0;
  for (const NodeRef& node : nodes_of(kernel)) {
    const std::string name = names[node.get()] = fmt::format("%{}", count++);
    const std::string operands =
        joined(node->inputs, ", ", [&](const NodeRef& input) { return names.at(input.get()); });
    result += fmt::format("{} = {}  # {}\n", name, print_node(*node, operands), type(*node));
  }
  for (const NodeRef& node : kernel.locals) result += "local " + names.at(node.get()) + "\n";
  for (const NodeRef& node : kernel.outputs) result += "output " + names.at(node.get()) + "\n";
  return result;
}

}  // namespace tenon
