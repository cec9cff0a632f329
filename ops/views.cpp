#include "ops/views.h"

#include <algorithm>

#include "core/error.h"

namespace tenon {
namespace {

std::vector<Index> identity_map(const Tensor& x) {
  std::vector<Index> map;
  for (int axis = 0; axis < x.rank(); axis++) map.push_back(Index::var(axis));
  return map;
}

// Replaces an extent of -1 by the number of elements of x over the product of the other extents.
void infer_extent(const Tensor& x, Shape& shape) {
  const auto missing = std::ranges::find(shape, Extent(-1));
  if (missing == shape.end()) return;
  *missing = 1;
  const std::int64_t others = elements(shape);
  if (others > 0) *missing = elements(x.shape()) / others;
}

}  // namespace

Tensor reshape(const Tensor& x, Shape shape) {
  const Shape asked = shape;
  infer_extent(x, shape);
  const auto negative = [](const Extent& extent) { return extent.value() < 0; };
  if (std::ranges::any_of(shape, negative) || elements(shape) != elements(x.shape()))
    fail("reshape: {} has {} elements, which {} cannot hold", text(x.shape()), elements(x.shape()),
         text(asked));
  std::vector<Index> map = reshape_map(x.shape(), shape);
  return view(x, std::move(shape), {std::move(map)});
}

Tensor expand(const Tensor& x, Shape shape) {
  const int added = static_cast<int>(shape.size()) - x.rank();
  std::vector<Index> map;
  for (int axis = 0; axis < x.rank(); axis++) {
    const bool fits =
        added >= 0 && (x.shape()[axis].value() == 1 || x.shape()[axis] == shape[axis + added]);
    if (!fits)
      fail("expand: {} does not expand to {}; extents, aligned at the end, must agree or be 1",
           text(x.shape()), text(shape));
    map.push_back(x.shape()[axis] == shape[axis + added] ? Index::var(axis + added) : Index(0));
  }
  return view(x, std::move(shape), {std::move(map)});
}

Tensor constant(Executor& executor, Type type, double value, const Shape& shape) {
  return expand(constant(executor, type, value), shape);
}

Tensor permute(const Tensor& x, std::vector<int> order) {
  if (static_cast<int>(order.size()) != x.rank())
    fail("permute: the order has {} axes, but {} has {}", order.size(), text(x.shape()), x.rank());
  Shape shape;
  std::vector<Index> map(x.rank(), Index(-1));
  for (std::size_t to = 0; to < order.size(); to++) {
    const int from = axis_from_front("permute", x.shape(), order[to]);
    if (!(map[from] == Index(-1)))
      fail("permute: axis {} of {} is named twice", from, text(x.shape()));
    map[from] = Index::var(static_cast<Var>(to));
    shape.push_back(x.shape()[from]);
  }
  return view(x, std::move(shape), {std::move(map)});
}

Tensor slice(const Tensor& x, std::vector<Slice> slices) {
  if (static_cast<int>(slices.size()) > x.rank())
    fail("slice: {} slices for the {} axes of {}", slices.size(), x.rank(), text(x.shape()));
  Shape shape = x.shape();
  std::vector<Index> map = identity_map(x);
  for (std::size_t axis = 0; axis < slices.size(); axis++) {
    const auto [first, last, step] = slices[axis];
    if (step == 0) fail("slice: the step on axis {} of {} is 0", axis, text(x.shape()));
    const std::int64_t extent = shape[axis].value();
    const auto clamp = [&](std::int64_t position) {
      if (position < 0) position = position < -extent ? -1 : position + extent;
      return std::clamp<std::int64_t>(position, step > 0 ? 0 : -1, step > 0 ? extent : extent - 1);
    };
    const std::int64_t start = clamp(first.value_or(step > 0 ? 0 : INT64_MAX));
    const std::int64_t stop = clamp(last.value_or(step > 0 ? INT64_MAX : INT64_MIN));
    const std::int64_t length = step > 0 ? stop - start : start - stop;
    const std::int64_t size = step > 0 ? step : -step;
    shape[axis] = length > 0 ? (length - 1) / size + 1 : 0;
    map[axis] = Index::var(static_cast<Var>(axis)) * step + start;
  }
  return view(x, std::move(shape), {std::move(map)});
}

Tensor flip(const Tensor& x, std::vector<int> axes) {
  std::vector<Index> map = identity_map(x);
  for (const int named : axes) {
    const int axis = axis_from_front("flip", x.shape(), named);
    map[axis] = Index(x.shape()[axis].value() - 1) - Index::var(axis);
  }
  return view(x, x.shape(), {std::move(map)});
}

Tensor pad(const Tensor& x, std::vector<Pad> pads, double fill) {
  if (static_cast<int>(pads.size()) > x.rank())
    fail("pad: {} pads for the {} axes of {}", pads.size(), x.rank(), text(x.shape()));
  Shape shape = x.shape();
  std::vector<Index> map = identity_map(x);
  std::vector<Range> inside;
  for (std::size_t axis = 0; axis < pads.size(); axis++) {
    const auto [before, after] = pads[axis];
    if (before < 0 || after < 0)
      fail("pad: {} and {} elements on axis {} of {}; slice() takes elements away", before, after,
           axis, text(x.shape()));
    const std::int64_t extent = shape[axis].value();
    shape[axis] = before + extent + after;
    map[axis] = Index::var(static_cast<Var>(axis)) - before;
    inside.push_back({map[axis], 0, extent});
  }
  return view(x, std::move(shape), {std::move(map), std::move(inside), fill});
}

Tensor window(const Tensor& x, int axis, std::int64_t size, std::int64_t stride,
              std::int64_t dilation) {
  axis = axis_from_front("window", x.shape(), axis);
  if (size < 1 || stride < 1 || dilation < 1)
    fail("window: size {}, stride {} and dilation {} must be at least 1", size, stride, dilation);
  const std::int64_t extent = x.shape()[axis].value();
  const std::int64_t span = (size - 1) * dilation + 1;
  if (span > extent)
    fail("window: size {} with dilation {} spans {} elements, but axis {} of {} has {}; pad it",
         size, dilation, span, axis, text(x.shape()), extent);
  Shape shape = x.shape();
  std::vector<Index> map = identity_map(x);
  shape[axis] = (extent - span) / stride + 1;
  map[axis] = Index::var(axis) * stride + Index::var(x.rank()) * dilation;
  shape.push_back(size);
  return view(x, std::move(shape), {std::move(map)});
}

}  // namespace tenon
