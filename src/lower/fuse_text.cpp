// The text of a kernel's graph. Nodes are numbered in order of first visit, buffers are ignored:
//
//   in0 f32[4,5]
//   in1 f32[5,3]
//   %0 = view at a0, a2 in0 f32[4,3,5]
//   %1 = view at a2, a1 in1 f32[4,3,5]
//   %2 = sum axes 2 %0 %1 f32[4,3]
//   output %2
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
  static std::string type(const Node& node) {
    return std::string(info(node.type).name) + tenon::text(node.shape);
  }

  static std::string index(const Index& at) {
    return tenon::text(at, [](Var v) { return fmt::format("a{}", v); });
  }

  static std::string describe(const Node& node) {
    if (const auto* constant = node.as<ConstantLeaf>())
      return fmt::format("constant {:a}", constant->value);
    if (node.as<IotaLeaf>()) return "iota";
    if (const auto* map = node.as<Map>()) return std::string(info(map->op).name);
    if (const auto* reduce = node.as<Reduce>())
      return fmt::format("{} axes {}", reduce->combine == Combine::sum ? "sum" : "max",
                         fmt::join(reduce->axes, ","));
    if (const auto* gather = node.as<Gather>()) return fmt::format("gather axis {}", gather->axis);
    if (const auto* scatter = node.as<Scatter>())
      return fmt::format("scatter {} axis {}", scatter->add ? "add" : "set", scatter->axis);
    const auto& view = *node.as<View>();
    std::string result = "view at ";
    for (std::size_t axis = 0; axis < view.map.size(); axis++)
      result += (axis ? ", " : "") + index(view.map[axis]);
    for (const Range& range : view.inside)
      result += fmt::format(" if {} <= {} < {}", range.low, index(range.index), range.high);
    return view.inside.empty() ? result : result + fmt::format(" else {:a}", view.fill);
  }

  void visit(const NodeRef& node) {
    if (names_.contains(node.get())) return;
    std::string operands;
    for (const NodeRef& input : node->inputs) visit(input);
    for (const NodeRef& input : node->inputs) operands += " " + names_[input.get()];
    const std::string name = fmt::format("%{}", count_++);
    text_ += fmt::format("{} = {}{} {}\n", name, describe(*node), operands, type(*node));
    names_[node.get()] = name;
  }

  std::unordered_map<const Node*, std::string> names_;
  int count_ = 0;
  std::string text_;
};

}  // namespace

std::string canonical_text(const KernelGraph& kernel) { return KernelText(kernel).text(); }

}  // namespace tenon
