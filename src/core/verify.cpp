#include "core/verify.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace tenon {
namespace {

bool has_axis(const Shape& shape, int axis) {
  return axis >= 0 && axis < static_cast<int>(shape.size());
}

bool over(const Index& index, const Shape& shape) {
  return std::ranges::all_of(index.vars(), [&](Var axis) { return has_axis(shape, axis); });
}

std::string detail_fault(const Node& node, const BufferLeaf& leaf) {
  if (!leaf.buffer) return "the buffer is missing";
  return leaf.buffer->bytes < bytes(node.type, node.shape) ? "the buffer is too small" : "";
}

std::string detail_fault(const Node& node, const ConstantLeaf& leaf) {
  const double rounded = round_to(node.type, leaf.value);
  if (rounded != leaf.value && !std::isnan(rounded)) return "the constant is not of its type";
  return node.shape.empty() ? "" : "a constant has rank 0";
}

std::string detail_fault(const Node& node, const IotaLeaf&) {
  return node.shape.size() == 1 && node.type == Type::i32 ? "" : "iota is i32 of rank 1";
}

std::string detail_fault(const Node& node, const Map& map) {
  const ScalarInfo& row = info(map.op);
  if (static_cast<int>(node.inputs.size()) != row.arity) return "wrong number of operands";
  const Type type = node.inputs.back()->type;
  for (std::size_t i = 0; i < node.inputs.size(); i++) {
    if (node.inputs[i]->shape != node.shape) return "the shapes differ";
    const bool condition = map.op == ScalarOp::where && i == 0;
    if (node.inputs[i]->type != (condition ? Type::boolean : type)) return "wrong operand type";
  }
  if (!takes(row, type)) return "the operation does not take this type";
  const Type result = row.result == Result::same ? type : Type::boolean;
  return row.result == Result::named || node.type == result ? "" : "wrong result type";
}

std::string detail_fault(const Node& node, const Reduce& reduce) {
  if (node.inputs.size() != 1 && node.inputs.size() != 2) return "a reduction has 1 or 2 inputs";
  const Node& input = *node.inputs[0];
  const Node& other = *node.inputs.back();
  const bool sum = reduce.combine == Combine::sum;
  if (node.inputs.size() == 2 && !sum) return "two inputs are for a sum of products";
  if (input.shape != other.shape || input.type != other.type) return "the inputs differ";
  if (node.type != input.type || (sum && node.type == Type::boolean)) return "wrong type";
  Shape kept = input.shape;
  for (std::size_t i = reduce.axes.size(); i-- > 0;) {
    const bool ascends = i == 0 || reduce.axes[i - 1] < reduce.axes[i];
    if (!has_axis(input.shape, reduce.axes[i]) || !ascends) return "the axes are wrong";
    kept.erase(kept.begin() + reduce.axes[i]);
  }
  return kept == node.shape ? "" : "the axes do not vanish from the shape";
}

// Whether the index lies on an axis of the input for sure: by its own bounds, or by a range that
// differs from it by a constant.
bool known_inside(const View& view, const Index& index, std::int64_t extent, const VarBounds& of) {
  Bounds known = bounds(index, of);
  for (const Range& range : view.inside) {
    const Index difference = index - range.index;
    if (!difference.is_constant()) continue;
    known.low = std::max(known.low, range.low + difference.constant());
    known.high = std::min(known.high, range.high - 1 + difference.constant());
  }
  return known.low > known.high || (known.low >= 0 && known.high < extent);
}

// Whether all of some random elements that the view reads lie in the input.
bool samples_inside(const Node& node, const View& view) {
  std::minstd_rand random;
  std::vector<std::int64_t> position(node.shape.size());
  const auto at = [&](Var axis) { return position[axis]; };
  for (int sample = 0; sample < 64; sample++) {
    for (std::size_t axis = 0; axis < position.size(); axis++)
      position[axis] = static_cast<std::int64_t>(random()) % node.shape[axis].value();
    const bool reads =
        std::ranges::all_of(view.inside, [&](const Range& range) { return holds(range, at); });
    for (std::size_t axis = 0; reads && axis < view.map.size(); axis++)
      if (!holds({view.map[axis], 0, node.inputs[0]->shape[axis].value()}, at)) return false;
  }
  return true;
}

std::string detail_fault(const Node& node, const View& view) {
  if (node.inputs.size() != 1) return "a view has one input";
  const Node& input = *node.inputs[0];
  if (node.type != input.type) return "wrong type";
  if (view.map.size() != input.shape.size()) return "the map has not an index per axis";
  for (const Range& range : view.inside)
    if (!over(range.index, node.shape)) return "a range uses an axis that is not there";
  const VarBounds of = axis_bounds(node.shape);
  bool known = true;
  for (std::size_t axis = 0; axis < view.map.size(); axis++) {
    if (!over(view.map[axis], node.shape)) return "the map uses an axis that is not there";
    const std::int64_t extent = input.shape[axis].value();
    known = known && known_inside(view, view.map[axis], extent, of);
  }
  if (known || elements(node.shape) == 0) return "";
  if (view.inside.empty()) return "the map leaves the input";
  return TENON_VERIFY && !samples_inside(node, view) ? "the map leaves the input" : "";
}

std::string detail_fault(const Node& node, const Gather& gather) {
  if (node.inputs.size() != 2) return "a gather has two inputs";
  const Node &data = *node.inputs[0], &index = *node.inputs[1];
  if (!has_axis(data.shape, gather.axis)) return "the axis is not there";
  if (index.type != Type::i32 || node.type != data.type) return "wrong type";
  return node.shape == replace_axis(data.shape, gather.axis, index.shape) ? "" : "wrong shape";
}

std::string detail_fault(const Node& node, const Scatter& scatter) {
  if (node.inputs.size() != 3) return "a scatter has three inputs";
  const Node &base = *node.inputs[0], &index = *node.inputs[1], &update = *node.inputs[2];
  if (!has_axis(base.shape, scatter.axis)) return "the axis is not there";
  if (index.type != Type::i32 || node.type != base.type || update.type != base.type)
    return "wrong type";
  if (scatter.add && node.type == Type::boolean) return "bool cannot be added";
  const bool fits = update.shape == replace_axis(base.shape, scatter.axis, index.shape);
  return fits && node.shape == base.shape ? "" : "wrong shape";
}

}  // namespace

std::string fault(const Node& node) {
  for (const Extent& extent : node.shape)
    if (extent.value() < 0) return "an extent is negative";
  for (const NodeRef& input : node.inputs)
    if (!input) return "an input is missing";
  const bool leaf = node.as<BufferLeaf>() || node.as<ConstantLeaf>() || node.as<IotaLeaf>();
  if (leaf != node.inputs.empty()) return "leaves, and they alone, have no inputs";
  return std::visit([&](const auto& detail) { return detail_fault(node, detail); }, node.detail);
}

}  // namespace tenon
