#include "ops/operands.h"

#include <algorithm>
#include <numeric>

namespace tenon {

std::string describe(const Tensor& x) {
  return fmt::format("{}{}", info(x.type()).name, text(x.shape()));
}

void need_float(std::string_view operation, const Tensor& x) {
  if (!info(x.type()).is_float)
    fail("{}: needs f32, got {}; cast it first", operation, describe(x));
}

std::vector<int> Axes::of(std::string_view operation, const Tensor& x) const {
  std::vector<int> axes;
  if (given_.empty()) {
    axes.resize(x.rank());
    std::iota(axes.begin(), axes.end(), 0);
    return axes;
  }
  for (int axis : given_) axes.push_back(axis_from_front(operation, x.shape(), axis));
  std::sort(axes.begin(), axes.end());
  const auto twice = std::adjacent_find(axes.begin(), axes.end());
  if (twice != axes.end())
    fail("{}: axis {} of {} is named twice; name it once", operation, *twice, text(x.shape()));
  return axes;
}

Tensor spread(const Tensor& x, const std::vector<int>& to, Shape shape) {
  std::vector<Index> map;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const Extent& extent = x.shape()[axis];
    check(extent.value() == 1 || extent == shape[to[axis]], "spread: an extent differs");
    map.push_back(extent.value() == 1 ? Index(0) : Index::var(to[axis]));
  }
  return view(x, std::move(shape), {std::move(map), {}, 0});
}

Tensor places(Executor& executor, const Shape& shape, int axis) {
  return spread(iota(executor, shape[axis].value()), {axis}, shape);
}

}  // namespace tenon
