#include "core/print_graph.h"

#include <unordered_map>

#include "core/error.h"

namespace tenon {
namespace {

// Exact: nine digits tell any two f32 values apart.
std::string number(Type type, double value) {
  return info(type).is_float ? fmt::format("{:.9g}", value) : fmt::format("{:.0f}", value);
}

std::string axis_name(Var axis) { return fmt::format("a{}", axis); }

// "[x, y]", each entry as `show` gives it.
template <typename List, typename Show>
std::string listed(const List& list, const char* comma, Show&& show) {
  std::string result;
  for (const auto& entry : list) {
    if (!result.empty()) result += comma;
    result += show(entry);
  }
  return fmt::format("[{}]", result);
}

// The right side of a node's line; `operands` are the names of its inputs.
class Printer {
 public:
  Printer(const Node& node, std::string operands) : node_(node), operands_(std::move(operands)) {}

  std::string operator()(const BufferLeaf&) const {
    return fmt::format("input {}{}", info(node_.type).name, text(node_.shape));
  }
  std::string operator()(const ConstantLeaf& leaf) const {
    return fmt::format("constant(value={}, type={})", number(node_.type, leaf.value),
                       info(node_.type).name);
  }
  std::string operator()(const IotaLeaf&) const {
    return fmt::format("iota(length={})", node_.shape[0].value());
  }
  std::string operator()(const Map& map) const {
    const ScalarInfo& row = info(map.op);
    if (row.result == Result::named)
      return fmt::format("{}({}, type={})", row.name, operands_, info(node_.type).name);
    return fmt::format("{}({})", row.name, operands_);
  }
  std::string operator()(const Reduce& reduce) const {
    return fmt::format("reduce({}, with={}, axes={})", operands_,
                       reduce.combine == Combine::sum ? "sum" : "max",
                       listed(reduce.axes, ",", [](int axis) { return std::to_string(axis); }));
  }
  std::string operator()(const View& view) const {
    std::string result = fmt::format("view({}, shape={}", operands_, text(node_.shape));
    if (!view.map.empty())
      result += ", map=" +
                listed(view.map, ", ", [](const Index& index) { return text(index, axis_name); });
    if (!view.inside.empty())
      result += fmt::format(", inside={}, fill={}",
                            listed(view.inside, ", ",
                                   [](const Range& range) {
                                     return fmt::format("{} <= {} < {}", range.low,
                                                        text(range.index, axis_name), range.high);
                                   }),
                            number(node_.type, view.fill));
    return result + ")";
  }
  std::string operator()(const Gather& gather) const {
    return fmt::format("gather({}, axis={})", operands_, gather.axis);
  }
  std::string operator()(const Scatter& scatter) const {
    return fmt::format("scatter({}, axis={}, mode={})", operands_, scatter.axis,
                       scatter.add ? "add" : "set");
  }

 private:
  const Node& node_;
  std::string operands_;
};

}  // namespace

std::string print_graph(std::span<const NodeRef> roots) {
  std::unordered_map<const Node*, std::string> names;
  std::string result;
  for (const NodeRef& node : in_order(roots)) {
    std::string operands;
    for (const NodeRef& input : node->inputs) {
      if (!operands.empty()) operands += ", ";
      operands += names.at(input.get());
    }
    const std::string name = fmt::format("%{}", names.size());
    names.emplace(node.get(), name);
    const std::string right = std::visit(Printer(*node, std::move(operands)), node->detail);
    result += fmt::format("{} = {}", name, right);
    if (!node->is_leaf())
      result += fmt::format("  # {}{}", info(node->type).name, text(node->shape));
    result += '\n';
  }
  const char* before = "output ";
  for (const NodeRef& root : roots) {
    result += before;
    result += names.at(root.get());
    before = ", ";
  }
  return result + "\n";
}

}  // namespace tenon
