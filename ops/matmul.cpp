#include "ops/matmul.h"

#include "ops/arithmetic.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace tenon {
namespace {

// The axes first, first + 1, .. last - 1, and then `more`.
std::vector<int> axes(int first, int last, std::initializer_list<int> more) {
  std::vector<int> result;
  for (int axis = first; axis < last; ++axis) result.push_back(axis);
  result.insert(result.end(), more);
  return result;
}

}  // namespace

Tensor transpose(const Tensor& x) {
  if (x.rank() < 2)
    fail("transpose: needs two axes or more, got {}; reshape it first", text(x.shape()));
  return permute(x, axes(0, x.rank() - 2, {x.rank() - 1, x.rank() - 2}));
}

Tensor matmul(const Tensor& lhs, const Tensor& rhs) {
  if (lhs.type() != rhs.type() || lhs.type() == Type::boolean)
    fail("matmul: types do not fit: lhs {}, rhs {}; both must be f32, or both i32", describe(lhs),
         describe(rhs));
  if (lhs.rank() == 0 || rhs.rank() == 0)
    fail("matmul: needs vectors or matrices: lhs {}, rhs {}; multiply by a number with *",
         text(lhs.shape()), text(rhs.shape()));
  const bool row = lhs.rank() == 1, column = rhs.rank() == 1;
  const Tensor a = row ? spread(lhs, {1}, {1, lhs.extent(0)}) : lhs;
  const Tensor b = column ? spread(rhs, {0}, {rhs.extent(0), 1}) : rhs;
  const std::int64_t inner = a.extent(-1);
  if (inner != b.extent(-2))
    fail(
        "matmul: inner dimensions differ: lhs {}, rhs {}; the last axis of lhs must be as long as "
        "the {} of rhs",
        text(lhs.shape()), text(rhs.shape()), column ? "first" : "last but one");

  const Shape batch = broadcast_shapes("matmul", Shape(a.shape().begin(), a.shape().end() - 2),
                                       Shape(b.shape().begin(), b.shape().end() - 2));
  Shape space = batch;  // [.., i, j, k]
  space.insert(space.end(), {a.extent(-2), b.extent(-1), inner});
  const int i = static_cast<int>(batch.size()), j = i + 1, k = i + 2;
  const Tensor left = spread(a, axes(i - (a.rank() - 2), i, {i, k}), space);
  const Tensor right = spread(b, axes(i - (b.rank() - 2), i, {k, j}), space);
  const Tensor result = reduce(Combine::sum, left * right, {k});
  if (!row && !column) return result;
  Shape shape = batch;
  if (!row) shape.push_back(a.extent(-2));
  if (!column) shape.push_back(b.extent(-1));
  return reshape(result, shape);
}

}  // namespace tenon
