#include "ops/reductions.h"

#include <limits>

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("sums take axes in every spelling") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x).item<float>() == 21);
  CHECK(sum(x, 0).to_vector<float>() == Floats{5, 7, 9});
  CHECK(sum(x, -1).to_vector<float>() == Floats{6, 15});
  CHECK(sum(x, {1, 0}).item<float>() == 21);
  CHECK(sum(x, 1, true).shape() == Shape{2, 1});
  CHECK(sum(x, {}, true).shape() == Shape{1, 1});
  CHECK((x - sum(x, 1, true)).to_vector<float>() == Floats{-5, -4, -3, -11, -10, -9});
  CHECK(sum(x > 2).item<std::int32_t>() == 4);
  CHECK(sum(floats(executor, {}, {3})).item<float>() == 3);
}

TEST_CASE("mean and variance") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {1, 2, 3, 4, 6, 8});
  CHECK(mean(x, 1).to_vector<float>() == Floats{2, 6});
  CHECK(mean(x).item<float>() == 4);
  check_close(var(x, 1).to_vector<float>(), {2.0 / 3, 8.0 / 3}, 1e-6);
  check_close(var(x, 1, false, 1).to_vector<float>(), {1, 4}, 1e-6);
  // Two passes: a large mean does not drown the distances.
  CHECK(var(floats(executor, {2}, {1e6F, 1e6F + 1})).item<float>() == 0.25);
}

TEST_CASE("extrema of every type") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {1, -2, 3, not_a_number, 5, 6});
  check_close(max(x, 1).to_vector<float>(), {3, not_a_number}, 0);
  check_close(min(x, 1).to_vector<float>(), {-2, not_a_number}, 0);
  const Tensor n = ints(executor, {3}, {INT32_MIN, 0, 7});
  CHECK(min(n).item<std::int32_t>() == INT32_MIN);
  CHECK(max(n).item<std::int32_t>() == 7);
  const Tensor b = bools(executor, {2, 2}, {1, 1, 0, 1});
  CHECK(min(b, 1).to_vector<std::uint8_t>() == Bools{1, 0});
  CHECK(max(b, 1, true).shape() == Shape{2, 1});
}

TEST_CASE("argmax gives the first place") {
  InterpretExecutor executor;
  const Tensor x =
      floats(executor, {3, 4}, {1, 7, 7, 0, -5, -9, -5, -6, 3, not_a_number, 8, not_a_number});
  CHECK(argmax(x).to_vector<std::int32_t>() == Ints{1, 0, 1});
  CHECK(argmax(x, 0).to_vector<std::int32_t>() == Ints{2, 2, 2, 2});
  CHECK(argmax(x, 1, true).shape() == Shape{3, 1});
  CHECK(argmax(floats(executor, {1}, {-INFINITY})).item<std::int32_t>() == 0);
  CHECK(argmax(ints(executor, {3}, {INT32_MIN, INT32_MIN, INT32_MIN})).item<std::int32_t>() == 0);
}

TEST_CASE("reductions over nothing") {
  InterpretExecutor executor;
  const Tensor empty = floats(executor, {3, 0}, {});
  CHECK(sum(empty, 1).to_vector<float>() == Floats{0, 0, 0});
  CHECK(max(empty, 0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(max(empty, 1),
                       "max: no elements to reduce in [3,0]; only a sum may be empty", Error);
  CHECK_THROWS_WITH_AS(mean(empty), "mean: no elements to reduce in [3,0]; only a sum may be empty",
                       Error);
  CHECK_THROWS_WITH_AS(argmax(empty, -1),
                       "argmax: no elements to reduce in [3,0]; only a sum may be empty", Error);
}

TEST_CASE("reductions say which axis is wrong") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, sample(6));
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: there is no axis 2 in [2,3]; axes are -2 to 1", Error);
  CHECK_THROWS_WITH_AS(sum(x, {1, -1}), "sum: axis 1 of [2,3] is named twice; name it once", Error);
  CHECK_THROWS_WITH_AS(mean(ints(executor, {2}, {1, 2})),
                       "mean: needs f32, got i32[2]; cast it first", Error);
  CHECK_THROWS_WITH_AS(var(x, 0, false, 2),
                       "var: 2 elements of [2,3] with correction 2; there must be more elements "
                       "than that",
                       Error);
}

TEST_CASE("gradients of reductions") {
  const Argument x{{2, 3}, {0.5F, -1.2F, 2.0F, 1.1F, 0.1F, -0.7F}};
  const auto squared = [](const Tensor& y) { return y * y; };
  check_gradients([&](const auto& in) { return squared(sum(in[0], 1)); }, {x});
  check_gradients([&](const auto& in) { return squared(mean(in[0], 0, true)); }, {x});
  check_gradients([&](const auto& in) { return squared(var(in[0], 1)); }, {x}, 5e-3);
  check_gradients([&](const auto& in) { return squared(max(in[0], 1)); }, {x});
  check_gradients([&](const auto& in) { return squared(min(in[0])) * max(in[0], 0); }, {x});
}
