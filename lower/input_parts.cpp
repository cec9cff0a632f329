#include "lower/input_parts.h"

#include "core/ranges.h"
#include "lower/blocked_inputs.h"

namespace tenon {
namespace {

// How the nodes of a kernel read an input.
struct Reads {
  struct Along : Bounds {
    bool is_constant = true;  // is the index of each read a number?
  };
  std::vector<Along> axes;  // of the input; empty before the first read
  bool is_whole = false;    // a node may read any element
};

void add(Reads& reads, const Node& node) {
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty() || elements(node.shape) == 0) reads.is_whole = true;
  if (reads.is_whole) return;
  const VarBounds of = axis_bounds(node.shape);
  for (std::size_t axis = 0; axis < view->map.size(); ++axis) {
    const Bounds here = bounds(view->map[axis], of);
    if (reads.axes.size() == axis) reads.axes.push_back({here});
    Reads::Along& all = reads.axes[axis];
    all = {{std::min(all.low, here.low), std::max(all.high, here.high)},
           all.is_constant && here.low == here.high};
  }
}

InputPart part_of(const Node& input, const Reads& reads) {
  InputPart part{std::vector<std::int64_t>(input.shape.size(), 0), input.shape};
  if (reads.is_whole) return part;
  bool is_outermost = true;
  const std::vector<std::int64_t> steps = strides(input.shape);
  for (std::size_t axis = 0; axis < reads.axes.size(); ++axis) {
    const Reads::Along& read = reads.axes[axis];
    const std::int64_t extent = read.high - read.low + 1;
    // The extents of the inner axes make the strides, so these axes keep their ends. A tile that
    // reaches over its end could touch memory behind the input, unless the index is a number.
    if (is_outermost || read.is_constant) part.from[axis] = read.low;
    part.offset += part.from[axis] * steps[axis];
    if (is_outermost)
      part.shape[axis] = Extent(extent);
    else if (read.is_constant)
      part.missing += (input.shape[axis].value() - extent) * steps[axis];
    if (input.shape[axis].value() > 1) is_outermost = false;
  }
  return part;
}

}  // namespace

std::vector<Index> InputPart::within(std::vector<Index> at, const VarBounds& bounds) const {
  for (std::size_t axis = 0; axis < at.size(); ++axis) at[axis] = at[axis] - Index(from[axis]);
  return blocks ? in_blocks(*blocks, at, bounds) : at;
}

std::unordered_map<const Node*, InputPart> parts_of(const KernelGraph& kernel) {
  std::unordered_map<const Node*, Reads> reads;
  for (const NodeRef& input : kernel.inputs) reads[input.get()];
  for (const NodeRef& node : nodes_of(kernel))
    for (const NodeRef& input : node->inputs)
      if (const auto found = reads.find(input.get()); found != reads.end())
        add(found->second, *node);
  std::unordered_map<const Node*, InputPart> parts;
  for (const auto& [input, of] : reads) parts.emplace(input, part_of(*input, of));
  if (kernel.blocks) {
    const Node& input = *kernel.inputs[kernel.blocks->input];
    InputPart& part = parts.at(&input) = part_of(input, {{}, true});
    part.shape = blocked_shape(input.shape, *kernel.blocks);
    part.blocks = kernel.blocks;
  }
  return parts;
}

}  // namespace tenon
