#include "ops/indexing.h"

#include "core/error.h"
#include "ops/functions.h"
#include "ops_helpers.h"

using namespace tenon;

TEST_CASE("concat and stack") {
  InterpretExecutor executor;
  const Tensor a = floats(executor, {2, 2}, {1, 2, 3, 4}), b = floats(executor, {1, 2}, {5, 6});
  CHECK(concat({a, b}).to_vector<float>() == Floats{1, 2, 3, 4, 5, 6});
  CHECK(concat({b, a, b}).shape() == Shape{4, 2});
  CHECK(concat({b, a, b}).to_vector<float>() == Floats{5, 6, 1, 2, 3, 4, 5, 6});
  CHECK(concat({a, a}, -1).to_vector<float>() == Floats{1, 2, 1, 2, 3, 4, 3, 4});
  CHECK(concat({a, floats(executor, {0, 2}, {})}).to_vector<float>() == Floats{1, 2, 3, 4});
  CHECK(concat({a}).node() == a.node());
  CHECK(concat({a < 2, b < 6}).to_vector<std::uint8_t>() == Bools{1, 0, 0, 0, 1, 0});
  CHECK(stack({a, a}, 0).shape() == Shape{2, 2, 2});
  CHECK(stack({a, -a}, -1).to_vector<float>() == Floats{1, -1, 2, -2, 3, -3, 4, -4});
  const Tensor one = floats(executor, {}, {1});
  CHECK(stack({one, one, one}).to_vector<float>() == Floats{1, 1, 1});
}

TEST_CASE("take_along_axis has an index for every element") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor places = ints(executor, {2, 2}, {2, 0, 1, 1});
  CHECK(take_along_axis(x, places, 1).to_vector<float>() == Floats{3, 1, 5, 5});
  const Tensor rows = ints(executor, {1, 3}, {1, 0, 1});
  CHECK(take_along_axis(x, rows, 0).to_vector<float>() == Floats{4, 2, 6});
  const Tensor outside = ints(executor, {2, 2}, {3, -1, 0, 7});
  CHECK(take_along_axis(x, outside, -1).to_vector<float>() == Floats{0, 0, 4, 0});
}

TEST_CASE("one_hot") {
  InterpretExecutor executor;
  const Tensor labels = ints(executor, {3}, {1, 3, -1});
  CHECK(one_hot(labels, 3).shape() == Shape{3, 3});
  CHECK(one_hot(labels, 3).to_vector<float>() == Floats{0, 1, 0, 0, 0, 0, 0, 0, 0});
  CHECK(one_hot(ints(executor, {}, {1}), 2).to_vector<float>() == Floats{0, 1});
  CHECK(one_hot(labels, 0).shape() == Shape{3, 0});
}

TEST_CASE("an embedding is a gather of rows") {
  InterpretExecutor executor;
  const Tensor table = floats(executor, {3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(gather(table, ints(executor, {2}, {2, 0}), 0).to_vector<float>() == Floats{5, 6, 1, 2});
}

TEST_CASE("gradients of joining and picking") {
  const Argument a{{2, 2}, sample(4)}, b{{1, 2}, sample(2, -1, 1, 2)};
  check_gradients([](const auto& in) { return square(concat({in[0], in[1], in[0]})); }, {a, b});
  check_gradients([](const auto& in) { return square(stack({in[0], in[0] * in[0]}, 1)); }, {a});
  check_gradients(
      [](const auto& in) {
        return square(
            take_along_axis(in[0], ints(in[0].executor(), {2, 3}, {1, 1, 0, 0, 2, 1}), 1));
      },
      {a});
  check_gradients(
      [](const auto& in) {
        return square(gather(in[0], ints(in[0].executor(), {3}, {1, 0, 1}), 0));
      },
      {a});
}

TEST_CASE("joining and picking say what does not fit") {
  InterpretExecutor executor;
  const Tensor a = floats(executor, {2, 2}, sample(4)), b = floats(executor, {3}, sample(3));
  CHECK_THROWS_WITH_AS(concat({a, b}),
                       "concat: f32[2,2] and f32[3] do not fit along axis 0; types and all other "
                       "extents must agree",
                       Error);
  CHECK_THROWS_WITH_AS(concat({}), "concat: no tensors; at least one is needed", Error);
  CHECK_THROWS_WITH_AS(stack({a, b}), "stack: shapes differ: [2,2] and [3]; all must be the same",
                       Error);
  CHECK_THROWS_WITH_AS(stack({a}, 3),
                       "stack: axis 3 is out of range for a result of rank 3; it may be -3 to 2",
                       Error);
  CHECK_THROWS_WITH_AS(take_along_axis(a, ints(executor, {3, 1}, {0, 0, 0}), 1),
                       "take_along_axis: index i32[3,1] does not fit x [2,2]; it must be i32 and "
                       "agree with x on every axis but 1",
                       Error);
  CHECK_THROWS_WITH_AS(one_hot(b, 3), "one_hot: labels must be i32, got f32[3]; cast them first",
                       Error);
}
