#include "ops/indexing.h"

#include <cstdint>
#include <numeric>

#include "ops/arithmetic.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace tenon {
Tensor concat(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) fail("concat: no tensors; at least one is needed");
  const Tensor& first = parts.front();
  const int along = axis_from_front("concat", first.shape(), axis);
  Shape shape = first.shape();
  shape[along] = 0;
  for (const Tensor& part : parts) {
    Shape fitting = part.shape();
    if (part.rank() == first.rank()) fitting[along] = first.shape()[along];
    if (part.type() != first.type() || fitting != first.shape())
      fail("concat: {} and {} do not fit along axis {}; types and all other extents must agree",
           describe(first), describe(part), along);
    shape[along] = shape[along].value() + part.extent(along);
  }
  // Each part is padded to the whole shape. Then, from the last part to the first, where() chooses
  // the part up to its end and what is built so far behind it.
  const Tensor place = places(first.executor(), shape, along);
  Tensor result;
  std::int64_t end = shape[along].value();
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    std::vector<Pad> pads(shape.size());
    pads[along] = {end - part->extent(along), shape[along].value() - end};
    const Tensor padded = pad(*part, pads);
    result = result.is_empty() ? padded : where(place < static_cast<double>(end), padded, result);
    end -= part->extent(along);
  }
  return result;
}

Tensor stack(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) fail("stack: no tensors; at least one is needed");
  const int rank = parts.front().rank() + 1;
  if (axis < -rank || axis >= rank)
    fail("stack: axis {} is out of range for a result of rank {}; it may be {} to {}", axis, rank,
         -rank, rank - 1);
  const int along = axis < 0 ? axis + rank : axis;
  std::vector<int> kept;
  for (int other = 0; other < rank; ++other)
    if (other != along) kept.push_back(other);
  Shape shape = parts.front().shape();
  shape.insert(shape.begin() + along, 1);
  std::vector<Tensor> raised;
  for (const Tensor& part : parts) {
    if (part.shape() != parts.front().shape())
      fail("stack: shapes differ: {} and {}; all must be the same", text(parts.front().shape()),
           text(part.shape()));
    raised.push_back(spread(part, kept, shape));
  }
  return concat(raised, along);
}

Tensor take_along_axis(const Tensor& x, const Tensor& index, int axis) {
  const int along = axis_from_front("take_along_axis", x.shape(), axis);
  Shape fitting = index.shape();
  if (index.rank() == x.rank()) fitting[along] = x.shape()[along];
  if (index.type() != Type::i32 || fitting != x.shape())
    fail(
        "take_along_axis: index {} does not fit x {}; it must be i32 and agree with x on every "
        "axis but {}",
        describe(index), text(x.shape()), along);
  if (elements(x.shape()) > INT32_MAX)
    fail("take_along_axis: {} has more than 2^31 elements, too many for an i32 index; take parts",
         text(x.shape()));
  // The row-major position in x of every picked element, or -1 if the index is out of range.
  const std::vector<std::int64_t> steps = strides(x.shape());
  Tensor place = index * static_cast<double>(steps[along]);
  for (int other = 0; other < x.rank(); ++other)
    if (other != along)
      place =
          place + places(x.executor(), index.shape(), other) * static_cast<double>(steps[other]);
  const Tensor inside = (index >= 0) & (index < static_cast<double>(x.extent(along)));
  return gather(reshape(x, {elements(x.shape())}), where(inside, place, -1), 0);
}

Tensor is_class(const Tensor& labels, std::int64_t classes) {
  if (labels.type() != Type::i32)
    fail("one_hot: labels must be i32, got {}; cast them first", describe(labels));
  Shape shape = labels.shape();
  shape.push_back(classes);
  std::vector<int> rows(labels.rank());
  std::iota(rows.begin(), rows.end(), 0);
  return spread(labels, rows, shape) == iota(labels.executor(), classes);
}

Tensor one_hot(const Tensor& labels, std::int64_t classes) {
  return cast(is_class(labels, classes), Type::f32);
}

}  // namespace tenon
