#include "lower/blocked_inputs.h"

#include "core/ranges.h"
#include "lower/canonical.h"
#include "lower/input_parts.h"

namespace tenon {
namespace {

constexpr std::int64_t several = 2;  // rows

// The last axis of the result that has a length, as an axis of the inputs of the Reduce.
int last_kept_axis(const Node& reduce) {
  const Shape& shape = reduce.inputs[0]->shape;
  int axis = static_cast<int>(shape.size()) - 1;
  while (axis >= 0 && (contains(reduce.as<Reduce>()->axes, axis) || shape[axis].value() == 1))
    --axis;
  return axis;
}

// The axis of the View's input that the index `column` of its result runs along, if there is one.
std::optional<std::size_t> axis_along(const View& view, int column) {
  const auto uses = [&](const Index& index) { return index.uses(column); };
  const auto first = std::ranges::find_if(view.map, uses);
  if (first == view.map.end() || first->as_var() != column ||
      std::ranges::count_if(view.map, uses) > 1)
    return {};
  return first - view.map.begin();
}

}  // namespace

std::optional<Blocks> worth_blocking(const KernelGraph& kernel, const Target& target,
                                     std::int64_t least) {
  const std::vector<NodeRef> nodes = nodes_of(kernel);
  const auto parts = parts_of(kernel);
  // Does the kernel read all of the input, and read it through Views alone?
  const auto is_viewed = [&](const NodeRef& input) {
    const InputPart& part = parts.at(input.get());
    return part.shape == input->shape && part.offset == 0 &&
           std::ranges::all_of(nodes, [&](const NodeRef& node) {
             return node->as<View>() || !contains(node->inputs, input);
           });
  };
  for (const NodeRef& reduce : nodes) {
    if (!reduce->as<Reduce>() || reduce->inputs.size() != 2) continue;
    for (const NodeRef& operand : reduce->inputs) {
      const auto* view = operand->as<View>();
      const auto axis = view ? axis_along(*view, last_kept_axis(*reduce)) : std::nullopt;
      if (!axis || !view->inside.empty() || sharing(*reduce, *operand) < several) continue;
      const NodeRef& input = operand->inputs[0];
      const std::int64_t width =
          target.most_beside() * target.vector_bytes / info(input->type).bytes;
      const auto place = position(kernel.inputs, input);
      if (place && input->as<BufferLeaf>() && input->shape[*axis].value() >= width &&
          std::cmp_greater_equal(bytes(input->type, input->shape), least) && is_viewed(input))
        return Blocks{static_cast<std::size_t>(*place), *axis, width};
    }
  }
  return {};
}

Shape blocked_shape(const Shape& input, const Blocks& blocks) {
  const std::int64_t length = input[blocks.axis].value();
  Shape shape{(length + blocks.width - 1) / blocks.width};
  for (std::size_t axis = 0; axis < input.size(); ++axis)
    if (axis != blocks.axis) shape.push_back(input[axis]);
  shape.emplace_back(blocks.width);
  return shape;
}

std::vector<Index> in_blocks(const Blocks& blocks, const std::vector<Index>& at,
                             const VarBounds& bounds) {
  std::vector<Index> in{floordiv(at[blocks.axis], blocks.width, bounds)};
  for (std::size_t axis = 0; axis < at.size(); ++axis)
    if (axis != blocks.axis) in.push_back(at[axis]);
  in.push_back(mod(at[blocks.axis], blocks.width, bounds));
  return in;
}

View view_in_blocks(const Shape& input, const Blocks& blocks) {
  std::vector<Index> axes = all_axes(blocked_shape(input, blocks));
  const Index along = axes.front() * blocks.width + axes.back();
  axes.erase(axes.begin());
  axes.pop_back();
  axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(blocks.axis), along);
  return {axes, {{along, 0, input[blocks.axis].value()}}};
}

}  // namespace tenon
