// The two views that core itself needs; ops/views.h has the others.
#include <algorithm>

#include "core/error.h"
#include "core/tensor.h"

namespace tenon {
namespace {

// Replaces an extent of -1 by what the other extents leave of the elements of x.
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

}  // namespace tenon
