#include "lower/canonical.h"

#include <doctest/doctest.h>

#include "lower_support.h"
#include "ops/views.h"

using namespace tenon_test;
using tenon::CanonicalOrder;
using Levels = std::vector<std::vector<std::int64_t>>;

namespace {

CanonicalOrder order_of(const Tensor& reduced) { return canonical_order(*reduced.node()); }

}  // namespace

TEST_CASE("blocks are rectangles of whole inner axes of at most 1,024 terms") {
  Inputs in;
  const Tensor row = in.floats({1});
  const auto counts = [&](const Shape& shape) {  // summed over all axes; no axis has a unit stride
    std::vector<int> axes;
    for (int axis = 0; axis < static_cast<int>(shape.size()); axis++) axes.push_back(axis);
    return order_of(sum(expand(row, shape), axes)).counts;
  };
  CHECK(counts({5}) == Levels{{5}});
  CHECK(counts({1024}) == Levels{{1024}});
  CHECK(counts({1025}) == Levels{{1024}, {2}});
  CHECK(counts({200, 3, 3}) == Levels{{64, 3, 3}, {4, 1, 1}});
  CHECK(counts({128, 56, 56}) == Levels{{1, 16, 56}, {128, 4, 1}});
  CHECK(counts({3, 2000}) == Levels{{1, 1024}, {3, 2}});
  CHECK(counts({4, 1 << 20}) == Levels{{1, 1024}, {1, 1024}, {4, 1}});
  CHECK(counts({2, 0}) == Levels{{2, 0}});
  CHECK(counts({2000, 0}) == Levels{{1024, 0}, {2, 1}});
}

TEST_CASE("strands need elements side by side and few outputs on an element") {
  Inputs in;
  const Tensor wide = in.floats({100, 640}), narrow = in.floats({640, 3});
  const Tensor matrix = in.floats({640, 640}), vector = in.floats({640, 1});
  const auto strands = [](const Tensor& reduced) { return order_of(reduced).strands; };
  CHECK(strands(sum(wide, {1})) == 64);
  CHECK(strands(sum(wide, {0})) == 1);
  CHECK(strands(sum(wide, {0, 1})) == 64);
  CHECK(strands(sum(narrow, {0})) == 64);
  CHECK(strands(sum(in.floats({640, 16}), {0})) == 1);
  CHECK(strands(sum(in.floats({9, 63}), {1})) == 1);
  CHECK(strands(sum(flip(wide, {1}), {1})) == 1);
  CHECK(strands(sum(exp2(permute(wide, {1, 0})), {0})) == 1);
  CHECK(strands(sum(permute(wide, {1, 0}), {0})) == 64);
  CHECK(strands(matmul(matrix, vector)) == 64);                  // gemv nt
  CHECK(strands(matmul(permute(vector, {1, 0}), matrix)) == 1);  // gemv nn
  CHECK(strands(matmul(in.floats({8, 640}), permute(matrix, {1, 0}))) == 64);
  CHECK(strands(matmul(in.floats({16, 640}), permute(matrix, {1, 0}))) == 1);
  CHECK(strands(matmul(matrix, narrow)) == 64);
  CHECK(strands(matmul(matrix, matrix)) == 1);
  const CanonicalOrder order = order_of(sum(in.floats({4096}), {0}));
  CHECK(order.counts == Levels{{16}, {4}});
  CHECK(order.strides == Levels{{64}, {1024}});
}
