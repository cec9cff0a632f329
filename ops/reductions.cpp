#include "ops/reductions.h"

#include <algorithm>

#include "ops/arithmetic.h"

namespace tenon {
namespace {

Tensor reduced(std::string_view name, Combine combine, const Tensor& x, const Axes& axes,
               bool keepdims) {
  const std::vector<int> over = axes.of(name, x);
  if (over.empty()) return x;
  const Tensor result = reduce(combine, x, over);
  if (!keepdims) return result;
  std::vector<int> kept;
  Shape shape = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (std::binary_search(over.begin(), over.end(), axis))
      shape[axis] = 1;
    else
      kept.push_back(axis);
  }
  return spread(result, kept, shape);
}

std::int64_t count(std::string_view name, const Tensor& x, const Axes& axes) {
  std::int64_t terms = 1;
  for (int axis : axes.of(name, x)) terms *= x.extent(axis);
  if (terms == 0)
    fail("{}: no elements to reduce in {}; only a sum may be empty", name, text(x.shape()));
  return terms;
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) {
  const Tensor terms = x.type() == Type::boolean ? cast(x, Type::i32) : x;
  return reduced("sum", Combine::sum, terms, axes, keepdims);
}

Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) {
  need_float("mean", x);
  const double terms = static_cast<double>(count("mean", x, axes));
  return reduced("mean", Combine::sum, x, axes, keepdims) / terms;
}

Tensor var(const Tensor& x, const Axes& axes, bool keepdims, int correction) {
  need_float("var", x);
  const std::int64_t terms = count("var", x, axes);
  if (terms <= correction)
    fail("var: {} elements of {} with correction {}; there must be more elements than that", terms,
         text(x.shape()), correction);
  const Tensor distance = x - mean(x, axes, true);
  return reduced("var", Combine::sum, distance * distance, axes, keepdims) /
         static_cast<double>(terms - correction);
}

Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  count("max", x, axes);
  return reduced("max", Combine::max, x, axes, keepdims);
}

// The greatest element of -x, negated. Integers and bools have their bits flipped instead, because
// -x overflows for the least integer.
Tensor min(const Tensor& x, const Axes& axes, bool keepdims) {
  count("min", x, axes);
  const bool is_float = info(x.type()).is_float;
  const Tensor greatest = reduced("min", Combine::max, is_float ? -x : !x, axes, keepdims);
  return is_float ? -greatest : !greatest;
}

// Counts down along the axis, so that the first place has the greatest count.
Tensor argmax(const Tensor& x, int axis, bool keepdims) {
  const int along = axis_from_front("argmax", x.shape(), axis);
  const std::int64_t length = count("argmax", x, along);
  Tensor found = x == max(x, along, true);
  if (info(x.type()).is_float) found = found | (x != x);  // NOLINT(misc-redundant-expression): NaN
  const double size = static_cast<double>(length);
  const Tensor countdown = size - places(x.executor(), x.shape(), along);
  return size - max(where(found, countdown, 0), along, keepdims);
}

}  // namespace tenon
