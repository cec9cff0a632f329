#include "lower/input_parts.h"

#include <algorithm>
#include <unordered_map>

#include "core/ranges.h"

namespace tenon {
namespace {

// How the nodes of a kernel read an input.
struct Reads {
  std::vector<Bounds> indices;    // by axis of the input; empty before the first read
  std::vector<bool> is_constant;  // by axis: is the index of each read a number?
  bool is_whole = false;          // a node may read any element
};

void add(Reads& reads, const Node& node) {
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty() || elements(node.shape) == 0) reads.is_whole = true;
  if (reads.is_whole) return;
  const VarBounds of = axis_bounds(node.shape);
  for (std::size_t axis = 0; axis < view->map.size(); ++axis) {
    const Bounds here = bounds(view->map[axis], of);
    if (reads.indices.size() == axis) {
      reads.indices.push_back(here);
      reads.is_constant.push_back(true);
    }
    Bounds& all = reads.indices[axis];
    all = {std::min(all.low, here.low), std::max(all.high, here.high)};
    if (here.low != here.high) reads.is_constant[axis] = false;
  }
}

InputPart part_of(const Node& input, const Reads& reads) {
  InputPart part{std::vector<std::int64_t>(input.shape.size(), 0), input.shape};
  if (reads.is_whole) return part;
  bool is_outermost = true;
  for (std::size_t axis = 0; axis < reads.indices.size(); ++axis) {
    const auto [low, high] = reads.indices[axis];
    // The extents of the inner axes make the strides, so these axes keep their ends. A tile that
    // reaches over its end could touch memory behind the input, unless the index is a number.
    if (is_outermost || reads.is_constant[axis]) part.from[axis] = low;
    if (is_outermost) part.shape[axis] = Extent(high - low + 1);
    if (input.shape[axis].value() > 1) is_outermost = false;
  }
  return part;
}

}  // namespace

std::int64_t InputPart::offset(const Shape& input) const {
  const std::vector<std::int64_t> steps = strides(input);
  std::int64_t sum = 0;
  for (std::size_t axis = 0; axis < from.size(); ++axis) sum += from[axis] * steps[axis];
  return sum;
}

std::vector<InputPart> parts_of(const KernelGraph& kernel) {
  std::unordered_map<const Node*, Reads> reads;
  for (const NodeRef& input : kernel.inputs) reads[input.get()];
  for (const NodeRef& node : nodes_of(kernel))
    for (const NodeRef& input : node->inputs)
      if (const auto found = reads.find(input.get()); found != reads.end())
        add(found->second, *node);
  return mapped(kernel.inputs,
                [&](const NodeRef& input) { return part_of(*input, reads[input.get()]); });
}

View over_part(const View& view, const InputPart& part) {
  View moved = view;
  for (std::size_t axis = 0; axis < moved.map.size(); ++axis)
    moved.map[axis] = moved.map[axis] - Index(part.from[axis]);
  return moved;
}

}  // namespace tenon
