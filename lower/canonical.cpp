#include "lower/canonical.h"

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

constexpr std::int64_t block_terms = 1024;
constexpr std::int64_t group_blocks = 1024;
constexpr int strand_count = 64;
constexpr std::int64_t shared_at_most = 16;  // of conditions 2 and 3 of canonical.h

// An input of a Reduce, traced through its Views down to the first node that is not a View. An
// element of the input is the element `at` of `source`; `at` are indices over the axes of the
// input.
struct Traced {
  const Node* source;
  std::vector<Index> at;
};

Traced trace(const Node& input) {
  Traced traced{&input, all_axes(input.shape)};
  const VarBounds bounds = axis_bounds(input.shape);
  const auto through = [&](const Index& index) { return substitute(index, traced.at, bounds); };
  while (const auto* view = traced.source->as<View>())
    traced = {traced.source->inputs[0].get(), mapped(view->map, through)};
  return traced;
}

// The distance in the row-major source between two neighbours along an axis of the input, all other
// axes at 0. Returns nothing if the distances between the first 64 neighbours differ.
std::optional<std::int64_t> stride_along(const Traced& traced, const Shape& shape, int axis) {
  const std::vector<std::int64_t> steps = strides(traced.source->shape);
  const auto address = [&](std::int64_t place) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < steps.size(); i++)
      sum += steps[i] * evaluate(traced.at[i], [&](Var v) { return v == axis ? place : 0; });
    return sum;
  };
  const std::int64_t end = std::min<std::int64_t>(shape[axis].value(), strand_count);
  if (end < 2) return 0;
  const std::int64_t first = address(0), stride = address(1) - first;
  for (std::int64_t place = 2; place < end; place++)
    if (address(place) != first + stride * place) return std::nullopt;
  return stride;
}

// The kept axes whose elements lie between two neighbours along the reduced axis, `stride` apart.
// The list is empty if the neighbours lie side by side. Returns nothing if the elements of these
// axes do not fill the distance, or if they are 16 or more.
std::optional<std::vector<int>> row_with(const Node& reduce, const Traced& traced,
                                         std::int64_t stride) {
  const Shape& shape = reduce.inputs[0]->shape;
  if (stride < 1 || stride >= shared_at_most) return std::nullopt;
  std::vector<std::pair<std::int64_t, int>> inner;  // stride, axis
  for (int axis = 0; axis < std::ssize(shape); axis++) {
    if (contains(reduce.as<Reduce>()->axes, axis) || shape[axis].value() <= 1) continue;
    const auto step = stride_along(traced, shape, axis);
    if (!step) return std::nullopt;
    if (*step != 0 && std::abs(*step) < stride) inner.push_back({*step, axis});
  }
  std::ranges::sort(inner);
  std::int64_t filled = 1;
  std::vector<int> axes;
  for (const auto& [step, axis] : inner) {
    if (step != filled) return std::nullopt;
    filled *= shape[axis].value();
    axes.push_back(axis);
  }
  if (filled != stride) return std::nullopt;
  return axes;
}

bool has_strands(const Node& reduce, int innermost) {
  const Shape& shape = reduce.inputs[0]->shape;
  if (shape[innermost].value() < strand_count) return false;
  bool varies = false, is_little_shared = false;
  std::vector<int> table;  // the kept axes of the first input that is a narrow table
  for (const NodeRef& input : reduce.inputs) {
    is_little_shared = is_little_shared || sharing(reduce, *input) < shared_at_most;
    const Traced traced = trace(*input);
    const auto stride = stride_along(traced, shape, innermost);
    if (!stride) return false;
    if (*stride == 0) continue;
    varies = true;
    const auto row = row_with(reduce, traced, *stride);
    if (!row || (!table.empty() && !row->empty() && table != *row)) return false;
    if (!row->empty()) table = *row;
  }
  return varies && is_little_shared;
}

std::int64_t pieces(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

// The sizes of a rectangle of at most `at_most` terms: whole inner axes and a part of the next one.
std::vector<std::int64_t> rectangle(const std::vector<std::int64_t>& left, std::int64_t at_most) {
  std::vector<std::int64_t> size(left.size(), 1);
  std::int64_t room = at_most;
  for (std::size_t axis = left.size(); axis-- > 0;) {
    if (left[axis] <= room) {
      size[axis] = left[axis];
      room /= std::max<std::int64_t>(left[axis], 1);
      continue;
    }
    while (size[axis] * 2 <= room) size[axis] *= 2;
    room = 0;  // the axes outside get size 1, or 0 if they are empty
  }
  return size;
}

}  // namespace

std::int64_t sharing(const Node& reduce, const Node& input) {
  const Traced traced = trace(input);
  const VarBounds of = axis_bounds(input.shape);
  std::int64_t touched = 1;  // an upper bound for the elements of the source that are read
  for (std::size_t axis = 0; axis < traced.at.size(); axis++) {
    const Bounds range = bounds(traced.at[axis], of);
    std::int64_t positions = 1;
    for (Var v : traced.at[axis].vars()) positions *= input.shape[v].value();
    touched *=
        std::min({traced.source->shape[axis].value(), range.high - range.low + 1, positions});
  }
  return elements(reduce.inputs[0]->shape) / std::max<std::int64_t>(touched, 1);
}

CanonicalOrder canonical_order(const Node& reduce) {
  const auto* detail = reduce.as<Reduce>();
  check(detail != nullptr, "only a Reduce has a canonical order");
  const Shape& shape = reduce.inputs[0]->shape;
  std::vector<std::int64_t> left;
  int innermost = 0;
  for (std::size_t i = 0; i < detail->axes.size(); i++) {
    left.push_back(shape[detail->axes[i]].value());
    if (left.back() > 1) innermost = static_cast<int>(i);
  }
  CanonicalOrder order;
  std::vector<std::int64_t> stride(left.size(), 1);
  const auto add_level = [&](const std::vector<std::int64_t>& size) {
    order.counts.push_back(size);
    order.strides.push_back(stride);
    for (std::size_t i = 0; i < left.size(); i++) {
      const std::int64_t count = std::max<std::int64_t>(size[i], 1);
      stride[i] *= count;
      left[i] = std::max<std::int64_t>(pieces(left[i], count), 1);
    }
  };
  std::vector<std::int64_t> block = rectangle(left, block_terms);
  if (!left.empty() && has_strands(reduce, detail->axes[innermost])) {
    order.strands = strand_count;
    order.strand_axis = innermost;
    stride[innermost] = strand_count;
    for (auto* terms : {&block, &left})
      (*terms)[innermost] = pieces((*terms)[innermost], strand_count);
  }
  add_level(block);
  while (std::ranges::any_of(left, [](std::int64_t count) { return count > 1; }))
    add_level(rectangle(left, group_blocks));
  return order;
}

}  // namespace tenon
