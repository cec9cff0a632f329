#include "core/extent.h"

#include <ranges>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {

std::int64_t elements(const Shape& shape) {
  std::int64_t product = 1;
  for (const Extent& extent : shape) product *= extent.value();
  return product;
}

std::size_t bytes(Type type, const Shape& shape) {
  return static_cast<std::size_t>(elements(shape)) * info(type).bytes;
}

std::vector<std::int64_t> values(const Shape& shape) {
  return mapped(shape, std::mem_fn(&Extent::value));
}

std::vector<std::int64_t> strides(const Shape& shape) {
  std::vector<std::int64_t> result(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;)
    result[axis - 1] = result[axis] * shape[axis].value();
  return result;
}

std::string text(const Shape& shape) {
  const auto length = [](const Extent& extent) { return std::to_string(extent.value()); };
  return "[" + joined(shape, ",", length) + "]";
}

VarBounds axis_bounds(const Shape& shape) {
  return
      [&shape](Var axis) { return Bounds{0, std::max<std::int64_t>(shape[axis].value() - 1, 0)}; };
}

std::vector<Index> all_axes(const Shape& shape) {
  return mapped(std::views::iota(0, static_cast<Var>(shape.size())), Index::var);
}

std::vector<Index> reshape_map(const Shape& from, const Shape& to) {
  const VarBounds bounds = axis_bounds(to);
  Index place;  // the row-major number of an element
  const std::vector<std::int64_t> steps = strides(to), lengths = strides(from);
  for (std::size_t axis = 0; axis < to.size(); axis++)
    if (to[axis].value() != 1) place = place + Index::var(static_cast<Var>(axis)) * steps[axis];
  std::vector<Index> map(from.size());
  for (std::size_t axis = 0; axis < from.size() && elements(from) > 0; axis++)
    map[axis] = mod(floordiv(place, lengths[axis], bounds), from[axis].value(), bounds);
  return map;
}

int axis_from_front(std::string_view operation, const Shape& shape, int axis) {
  const int rank = static_cast<int>(shape.size());
  const int front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank)
    fail("{}: there is no axis {} in {}; axes are {} to {}", operation, axis, text(shape), -rank,
         rank - 1);
  return front;
}

}  // namespace tenon
