// The usual views, each one View node: an index map and, for pad, a range.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace tenon {

Tensor reshape(const Tensor& x, Shape shape);  // one extent may be -1
Tensor expand(const Tensor& x, Shape shape);   // extents 1 repeat; aligned at the end
// A constant of a shape: the constant of rank 0, expanded.
Tensor constant(Executor& executor, Type type, double value, const Shape& shape);
Tensor permute(const Tensor& x, std::vector<int> order);  // result axis a is x's axis order[a]
struct Slice {
  // As in NumPy: negative positions count from the end, and all positions are clamped to the axis.
  // A negative step runs backwards. A slice without a start begins at the first element, or at the
  // last one if the step is negative. A slice without a stop runs to the other end. For example,
  // {{}, {}, -1} is x[::-1].
  std::optional<std::int64_t> start = {}, stop = {};
  std::int64_t step = 1;
};
Tensor slice(const Tensor& x, std::vector<Slice> slices);  // missing ones take the whole axis
Tensor flip(const Tensor& x, std::vector<int> axes);
struct Pad {
  std::int64_t before = 0, after = 0;  // elements
};
Tensor pad(const Tensor& x, std::vector<Pad> pads, double fill = 0);
// [.., n, ..] -> [.., m, .., size]: element (i, r) is x[i*stride + r*dilation]; the new axis is
// last.
Tensor window(const Tensor& x, int axis, std::int64_t size, std::int64_t stride = 1,
              std::int64_t dilation = 1);

}  // namespace tenon
