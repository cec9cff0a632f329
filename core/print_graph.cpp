#include "core/print_graph.h"

#include <fmt/format.h>

#include "core/ranges.h"

namespace tenon {
namespace {

// Exact: nine digits tell any two f32 values apart.
std::string number(Type type, double value) {
  return info(type).is_float ? fmt::format("{:.9g}", value) : fmt::format("{:.0f}", value);
}

struct Printer {
  const Node& node;
  std::string_view operands;

  std::string operator()(const BufferLeaf&) const { return "input " + text(node.type, node.shape); }
  std::string operator()(const ConstantLeaf& leaf) const {
    return fmt::format("constant(value={}, type={})", number(node.type, leaf.value),
                       info(node.type).name);
  }
  std::string operator()(const IotaLeaf&) const {
    return fmt::format("iota(length={})", node.shape[0].value());
  }
  std::string operator()(const Map& map) const {
    const ScalarInfo& row = info(map.op);
    if (row.result == Result::named)
      return fmt::format("{}({}, type={})", row.name, operands, info(node.type).name);
    return fmt::format("{}({})", row.name, operands);
  }
  std::string operator()(const Reduce& reduce) const {
    return fmt::format("reduce({}, with={}, axes=[{}])", operands,
                       reduce.combine == Combine::sum ? "sum" : "max", fmt::join(reduce.axes, ","));
  }
  std::string operator()(const View& view) const {
    std::string result = fmt::format("view({}, shape={}", operands, text(node.shape));
    const auto shown = [](const Index& index) {
      return text(index, [](Var axis) { return fmt::format("a{}", axis); });
    };
    const auto bounded = [&](const Range& range) {
      return fmt::format("{} <= {} < {}", range.low, shown(range.index), range.high);
    };
    if (!view.map.empty()) result += fmt::format(", map=[{}]", joined(view.map, ", ", shown));
    if (!view.inside.empty())
      result += fmt::format(", inside=[{}], fill={}", joined(view.inside, ", ", bounded),
                            number(node.type, view.fill));
    return result + ")";
  }
  std::string operator()(const Gather& gather) const {
    return fmt::format("gather({}, axis={})", operands, gather.axis);
  }
  std::string operator()(const Scatter& scatter) const {
    return fmt::format("scatter({}, axis={}, mode={})", operands, scatter.axis,
                       scatter.add ? "add" : "set");
  }
};

}  // namespace

std::string print_nodes(std::span<const NodeRef> nodes, PrintedNames& names,
                        const std::function<Node::Detail(const Node&)>& detail_of) {
  std::string result;
  for (std::size_t i = 0; i < nodes.size(); i++) {
    const Node& node = *nodes[i];
    const std::string operands =
        joined(node.inputs, ", ", [&](const NodeRef& input) { return names.at(input.get()); });
    const std::string& name = names.try_emplace(&node, fmt::format("%{}", i)).first->second;
    result += fmt::format("{} = {}", name, std::visit(Printer{node, operands}, detail_of(node)));
    if (!node.is_leaf()) result += "  # " + text(node.type, node.shape);
    result += '\n';
  }
  return result;
}

std::string print_graph(std::span<const NodeRef> roots, PrintedNames names) {
  const std::string lines = print_nodes(in_order(roots).nodes, names);
  const auto name = [&](const NodeRef& root) { return names.at(root.get()); };
  return lines + "output " + joined(roots, ", ", name) + "\n";
}

}  // namespace tenon
