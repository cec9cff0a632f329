#include "ops/matmul.h"

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

// [batch, i, k] x [batch, k, j] in double, where a batch of 1 serves all.
std::vector<double> product(const Floats& a, std::int64_t a_batch, const Floats& b,
                            std::int64_t b_batch, std::int64_t rows, std::int64_t inner,
                            std::int64_t columns) {
  std::vector<double> result;
  for (std::int64_t n = 0; n < std::max(a_batch, b_batch); ++n)
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) {
        double total = 0;
        for (std::int64_t k = 0; k < inner; ++k)
          total += static_cast<double>(a[((n % a_batch) * rows + i) * inner + k]) *
                   b[((n % b_batch) * inner + k) * columns + j];
        result.push_back(total);
      }
  return result;
}

}  // namespace

TEST_CASE("matmul of matrices, batches and broadcast batches") {
  InterpretExecutor executor;
  const Floats a = sample(3 * 4 * 5), b = sample(3 * 5 * 2, -1, 1, 2);
  const Tensor one = matmul(floats(executor, {12, 5}, a), floats(executor, {5, 6}, b));
  CHECK(one.shape() == Shape{12, 6});
  check_close(one.to_vector<float>(), product(a, 1, b, 1, 12, 5, 6), 1e-6);

  const Tensor batched = matmul(floats(executor, {3, 4, 5}, a), floats(executor, {3, 5, 2}, b));
  CHECK(batched.shape() == Shape{3, 4, 2});
  check_close(batched.to_vector<float>(), product(a, 3, b, 3, 4, 5, 2), 1e-6);

  const Floats shared(b.begin(), b.begin() + 10);
  const Tensor spread = matmul(floats(executor, {3, 1, 4, 5}, a), floats(executor, {5, 2}, shared));
  CHECK(spread.shape() == Shape{3, 1, 4, 2});
  check_close(spread.to_vector<float>(), product(a, 3, shared, 1, 4, 5, 2), 1e-6);
  CHECK(matmul(floats(executor, {3, 1, 4, 5}, a), floats(executor, {3, 5, 2}, b)).shape() ==
        Shape{3, 3, 4, 2});
}

TEST_CASE("matmul of vectors, transposed views and integers") {
  InterpretExecutor executor;
  const Tensor row = floats(executor, {2}, {1, 10});
  const Tensor matrix = floats(executor, {2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(matmul(row, matrix).to_vector<float>() == Floats{41, 52, 63});
  CHECK(matmul(transpose(matrix), row).to_vector<float>() == Floats{41, 52, 63});
  CHECK(matmul(row, row).shape() == Shape{});
  CHECK(matmul(row, row).item<float>() == 101);
  CHECK(matmul(transpose(matrix), matrix).to_vector<float>() ==
        Floats{17, 22, 27, 22, 29, 36, 27, 36, 45});
  const Tensor whole = ints(executor, {2, 2}, {1, 2, 3, 4});
  CHECK(matmul(whole, whole).to_vector<std::int32_t>() == Ints{7, 10, 15, 22});
}

TEST_CASE("matmul with extents 0 and 1") {
  InterpretExecutor executor;
  CHECK(matmul(floats(executor, {2, 0}, {}), floats(executor, {0, 2}, {})).to_vector<float>() ==
        Floats{0, 0, 0, 0});
  CHECK(matmul(floats(executor, {0, 2}, {}), floats(executor, {2, 3}, sample(6))).shape() ==
        Shape{0, 3});
  CHECK(matmul(floats(executor, {2, 1}, {1, 2}), floats(executor, {1, 2}, {3, 4}))
            .to_vector<float>() == Floats{3, 4, 6, 8});
}

TEST_CASE("matmul is one sum over one product of views") {
  InterpretExecutor executor;
  const Tensor c =
      matmul(floats(executor, {4, 5}, sample(20)), floats(executor, {5, 6}, sample(30)));
  const auto* reduce = c.node()->as<Reduce>();
  REQUIRE(reduce != nullptr);
  CHECK(reduce->axes == std::vector<int>{2});
  const Node& product = *c.node()->inputs[0];
  CHECK(product.shape == Shape{4, 6, 5});
  for (const NodeRef& side : product.inputs) {
    CHECK(side->as<View>() != nullptr);
    CHECK(side->inputs[0]->is_leaf());
  }
}

TEST_CASE("gradients of matmul") {
  const auto product = [](const std::vector<Tensor>& in) { return matmul(in[0], in[1]); };
  check_gradients(product, {{{2, 3}, sample(6)}, {{3, 2}, sample(6, -1, 1, 3)}});
  check_gradients(product, {{{2, 1, 3}, sample(6)}, {{2, 3, 2}, sample(12, -1, 1, 3)}});
  check_gradients(product, {{{3}, sample(3)}, {{3, 2}, sample(6, -1, 1, 3)}});
  check_gradients([](const auto& in) { return matmul(in[0], transpose(in[0])); },
                  {{{2, 3}, sample(6)}});
}

TEST_CASE("matmul says what does not fit") {
  InterpretExecutor executor;
  const Tensor a = floats(executor, {8, 64}, sample(512)),
               b = floats(executor, {32, 16}, sample(512));
  CHECK_THROWS_WITH_AS(matmul(a, b),
                       "matmul: inner dimensions differ: lhs [8,64], rhs [32,16]; the last axis of "
                       "lhs must be as long as the last but one of rhs",
                       Error);
  CHECK_THROWS_WITH_AS(matmul(a, floats(executor, {3}, sample(3))),
                       "matmul: inner dimensions differ: lhs [8,64], rhs [3]; the last axis of lhs "
                       "must be as long as the first of rhs",
                       Error);
  CHECK_THROWS_WITH_AS(
      matmul(a, floats(executor, {}, {1})),
      "matmul: needs vectors or matrices: lhs [8,64], rhs []; multiply by a number "
      "with *",
      Error);
  CHECK_THROWS_WITH_AS(matmul(a, ints(executor, {1}, {1})),
                       "matmul: types do not fit: lhs f32[8,64], rhs i32[1]; both must be f32, or "
                       "both i32",
                       Error);
  CHECK_THROWS_WITH_AS(
      matmul(floats(executor, {2, 4, 4}, sample(32)), floats(executor, {3, 4, 4}, sample(48))),
      "matmul: shapes do not broadcast: lhs [2], rhs [3]; counted from the last axis, extents must "
      "be equal or 1",
      Error);
  CHECK_THROWS_WITH_AS(transpose(floats(executor, {3}, sample(3))),
                       "transpose: needs two axes or more, got [3]; reshape it first", Error);
}
