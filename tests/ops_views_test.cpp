#include "ops/views.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "counting.h"

using namespace tenon;

TEST_CASE("views by name") {
  InterpretExecutor executor;
  const Tensor x = counting(executor, {2, 3});
  CHECK(ints(permute(x, {1, 0})) == Ints{0, 3, 1, 4, 2, 5});
  CHECK(permute(x, {-1, 0}).shape() == Shape{3, 2});
  CHECK(ints(flip(x, {1})) == Ints{2, 1, 0, 5, 4, 3});
  CHECK(ints(pad(x, {{}, {1, 0}}, 9)) == Ints{9, 0, 1, 2, 9, 3, 4, 5});
  CHECK(ints(window(iota(executor, 7), 0, 3, 2, 1)) == Ints{0, 1, 2, 2, 3, 4, 4, 5, 6});
  CHECK(window(counting(executor, {9, 2}), 0, 3, 2, 2).shape() == Shape{3, 2, 3});
  CHECK(ints(window(iota(executor, 6), 0, 2, 1, 3)) == Ints{0, 3, 1, 4, 2, 5});
}

TEST_CASE("slices are those of NumPy") {
  InterpretExecutor executor;
  const Tensor x = iota(executor, 7);
  CHECK(ints(slice(x, {{2, 5}})) == Ints{2, 3, 4});
  CHECK(ints(slice(x, {{-3}})) == Ints{4, 5, 6});
  CHECK(ints(slice(x, {{1, -1, 2}})) == Ints{1, 3, 5});
  CHECK(ints(slice(x, {{-1, INT64_MIN, -1}})) == Ints{6, 5, 4, 3, 2, 1, 0});
  CHECK(ints(slice(x, {{5, 1, -2}})) == Ints{5, 3});
  CHECK(ints(slice(x, {{{}, {}, -1}})) == Ints{6, 5, 4, 3, 2, 1, 0});
  CHECK(ints(slice(x, {{2, {}, -1}})) == Ints{2, 1, 0});
  CHECK(ints(slice(x, {{{}, 4, -1}})) == Ints{6, 5});
  CHECK(ints(slice(x, {{0, {}, -1}})) == Ints{0});
  CHECK(ints(slice(x, {{5, 2}})).empty());
  CHECK(ints(slice(x, {{100}})).empty());
  CHECK(ints(slice(x, {{-100, 2}})) == Ints{0, 1});
}

TEST_CASE("mistakes about views are told") {
  InterpretExecutor executor;
  const Tensor x = counting(executor, {2, 3});
  CHECK_THROWS_WITH_AS(window(x, 0, 3),
                       "window: size 3 with dilation 1 spans 3 elements, but axis 0 of [2,3] has "
                       "2; pad it",
                       Error);
  CHECK_THROWS_WITH_AS(pad(x, {{1, 0}}, 0.5),
                       "fill: 0.5 is no i32 value; give one, or cast from f32", Error);
  CHECK_THROWS_WITH_AS(permute(x, {1}), "permute: the order has 1 axes, but [2,3] has 2", Error);
  CHECK_THROWS_WITH_AS(slice(x, {{}, {0, 3, 0}}), "slice: the step on axis 1 of [2,3] is 0", Error);
}
