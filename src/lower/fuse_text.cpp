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
namespace {

class KernelText {
 public:
  explicit KernelText(const KernelGraph& kernel) {
    for (std::size_t i = 0; i < kernel.inputs.size(); i++) {
      const NodeRef& input = kernel.inputs[i];
      const std::string name = fmt::format("in{}", i);
      text_ += name + " " + type(*input) + "\n";
      names_[input.get()] = name;
      if (is_reshape(*input)) {  // what it is a reshape of is read from it
        names_.emplace(input->inputs[0].get(), name);
        text_ += fmt::format("  of {}\n", type(*input->inputs[0]));
      }
    }
    for (const NodeRef& node : kernel.locals) visit(node);
    for (const NodeRef& node : kernel.outputs) visit(node);
    for (const NodeRef& node : kernel.locals) text_ += "local " + names_[node.get()] + "\n";
    for (const NodeRef& node : kernel.outputs) text_ += "output " + names_[node.get()] + "\n";
  }

  std::string text() const { return text_; }

 private:
  static std::string type(const Node& node) { return tenon::text(node.type, node.shape); }

  void visit(const NodeRef& node) {
    if (names_.contains(node.get())) return;
    for (const NodeRef& input : node->inputs) visit(input);
    const std::string operands =
        joined(node->inputs, ", ", [&](const NodeRef& input) { return names_[input.get()]; });
    const std::string name = fmt::format("%{}", count_++);
    text_ += fmt::format("{} = {}  # {}\n", name, print_node(*node, operands), type(*node));
    names_[node.get()] = name;
  }

  std::unordered_map<const Node*, std::string> names_;
  int count_ = 0;
  std::string text_;
};

}  // namespace

std::string canonical_text(const KernelGraph& kernel) { return KernelText(kernel).text(); }

}  // namespace tenon
