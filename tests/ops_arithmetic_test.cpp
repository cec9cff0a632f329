#include "ops/arithmetic.h"

#include <limits>

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr std::int32_t least = INT32_MIN;

}  // namespace

TEST_CASE("arithmetic broadcasts as in NumPy") {
  InterpretExecutor executor;
  const Tensor column = floats(executor, {2, 1}, {1, 2});
  const Tensor row = floats(executor, {3}, {10, 20, 30});
  CHECK((column + row).shape() == Shape{2, 3});
  CHECK((column + row).to_vector<float>() == Floats{11, 21, 31, 12, 22, 32});
  CHECK((column - row).to_vector<float>() == Floats{-9, -19, -29, -8, -18, -28});
  CHECK((column * row).to_vector<float>() == Floats{10, 20, 30, 20, 40, 60});
  CHECK((row / column).to_vector<float>() == Floats{10, 20, 30, 5, 10, 15});
  CHECK((-row).to_vector<float>() == Floats{-10, -20, -30});
  CHECK((row + floats(executor, {}, {1})).to_vector<float>() == Floats{11, 21, 31});
  CHECK((floats(executor, {0, 3}, {}) + row).shape() == Shape{0, 3});
  CHECK((floats(executor, {2, 0}, {}) * column).shape() == Shape{2, 0});
}

TEST_CASE("numbers stand on either side") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2}, {2, 4});
  CHECK((x + 1).to_vector<float>() == Floats{3, 5});
  CHECK((1 - x).to_vector<float>() == Floats{-1, -3});
  CHECK((x * 0.5).to_vector<float>() == Floats{1, 2});
  CHECK((1 / x).to_vector<float>() == Floats{0.5, 0.25});
  CHECK((x > 3).to_vector<std::uint8_t>() == Bools{0, 1});
  CHECK((3 > x).to_vector<std::uint8_t>() == Bools{1, 0});
  const Tensor n = ints(executor, {2}, {7, -7});
  CHECK((n + 1).to_vector<std::int32_t>() == Ints{8, -6});
  CHECK((2 * n).to_vector<std::int32_t>() == Ints{14, -14});
}

TEST_CASE("integers wrap, and divide downwards") {
  InterpretExecutor executor;
  const Tensor n = ints(executor, {4}, {7, -7, INT32_MAX, least});
  CHECK((n + 1).to_vector<std::int32_t>() == Ints{8, -6, least, least + 1});
  CHECK((-n).to_vector<std::int32_t>() == Ints{-7, 7, -INT32_MAX, least});
  CHECK(idiv(n, 2).to_vector<std::int32_t>() == Ints{3, -4, INT32_MAX / 2, least / 2});
  CHECK(mod(n, 4).to_vector<std::int32_t>() == Ints{3, 1, 3, 0});
  CHECK(idiv(n, 0).to_vector<std::int32_t>() == Ints{0, 0, 0, 0});
  CHECK(abs(n).to_vector<std::int32_t>() == Ints{7, 7, INT32_MAX, least});
  CHECK((!n).to_vector<std::int32_t>() == Ints{-8, 6, least, INT32_MAX});
  CHECK(minimum(n, 0).to_vector<std::int32_t>() == Ints{0, -7, 0, least});
  CHECK(maximum(n, 0).to_vector<std::int32_t>() == Ints{7, 0, INT32_MAX, 0});
}

TEST_CASE("abs of a negative zero is zero") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {4}, {-0.0F, 0, -2, INFINITY});
  CHECK((1 / abs(x)).to_vector<float>() == Floats{INFINITY, INFINITY, 0.5F, 0});
}

TEST_CASE("comparisons know NaN") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {4}, {1, 2, 3, not_a_number});
  const auto bits = [](const Tensor& condition) { return condition.to_vector<std::uint8_t>(); };
  CHECK(bits(x < 2) == Bools{1, 0, 0, 0});
  CHECK(bits(x <= 2) == Bools{1, 1, 0, 0});
  CHECK(bits(x > 2) == Bools{0, 0, 1, 0});
  CHECK(bits(x >= 2) == Bools{0, 1, 1, 0});
  CHECK(bits(x == 2) == Bools{0, 1, 0, 0});
  CHECK(bits(x != 2) == Bools{1, 0, 1, 1});
  CHECK(bits((x < 3) & (x != 1)) == Bools{0, 1, 0, 0});
  CHECK(bits((x < 2) | !(x < 3)) == Bools{1, 0, 1, 1});
  CHECK(bits((x < 2) ^ (x < 3)) == Bools{0, 1, 0, 0});
  CHECK(bits(minimum(x < 2, x < 3)) == Bools{1, 0, 0, 0});
}

TEST_CASE("where, minimum and maximum choose") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {3}, {-1, not_a_number, 2});
  CHECK(where(x < 0, 5, x).to_vector<float>()[0] == 5);
  CHECK(where(x < 0, x, 5).to_vector<float>() == Floats{-1, 5, 5});
  check_close(maximum(x, 1).to_vector<float>(), {1, not_a_number, 2}, 0);
  check_close(minimum(x, 1).to_vector<float>(), {-1, not_a_number, 1}, 0);
  const Tensor column = bools(executor, {2, 1}, {1, 0});
  CHECK(
      where(column, floats(executor, {2}, {1, 2}), floats(executor, {}, {9})).to_vector<float>() ==
      Floats{1, 2, 9, 9});
}

TEST_CASE("gradients of arithmetic") {
  const Argument left{{2, 3}, {-1.5F, -0.7F, 0.4F, 1.2F, 1.9F, -0.3F}};
  const Argument right{{3}, {0.8F, 1.5F, 0.6F}};  // no value near one on the left
  const auto both = [&](auto operation) {
    check_gradients([&](const std::vector<Tensor>& x) { return operation(x[0], x[1]); },
                    {left, right});
  };
  both([](const Tensor& x, const Tensor& y) { return x + y; });
  both([](const Tensor& x, const Tensor& y) { return x - y; });
  both([](const Tensor& x, const Tensor& y) { return x * y * x; });
  both([](const Tensor& x, const Tensor& y) { return x / y; });
  both([](const Tensor& x, const Tensor& y) { return x * maximum(x, y) * minimum(x, y); });
  both([](const Tensor& x, const Tensor& y) { return where(x < 0, x * y, y * y); });
  check_gradients_at([](const Tensor& x) { return abs(x) * x; }, {-2, -0.5, 0.5, 3});
}

TEST_CASE("ties share the gradient") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2}, {0, 1});
  CHECK(gradients(sum(abs(x)), {{x}})[0].to_vector<float>() == Floats{0, 1});
  CHECK(gradients(sum(maximum(x, 0)), {{x}})[0].to_vector<float>() == Floats{0.5, 1});
}

TEST_CASE("arithmetic says what does not fit") {
  InterpretExecutor executor;
  const Tensor wide = floats(executor, {8, 64}, sample(512));
  const Tensor odd = floats(executor, {32}, sample(32));
  const Tensor whole = ints(executor, {2}, {1, 2});
  const Tensor single = floats(executor, {2}, {1, 2});
  CHECK_THROWS_WITH_AS(wide + odd,
                       "add: shapes do not broadcast: lhs [8,64], rhs [32]; counted from the last "
                       "axis, extents must be equal or 1",
                       Error);
  CHECK_THROWS_WITH_AS(whole * single,
                       "mul: types differ: lhs i32[2], rhs f32[2]; cast one of them", Error);
  CHECK_THROWS_WITH_AS(whole / whole,
                       "div: needs f32, got i32[2]; use idiv, or cast both sides to f32", Error);
  CHECK_THROWS_WITH_AS(idiv(single, single), "idiv: needs i32, got f32[2]; cast it to i32 first",
                       Error);
  CHECK_THROWS_WITH_AS((single < 1) + (single < 2),
                       "add: needs numbers, got bool[2]; cast it to i32 or f32 first", Error);
  CHECK_THROWS_WITH_AS(single & single,
                       "and: needs bool or i32, got f32[2]; compare it or cast it first", Error);
  CHECK_THROWS_WITH_AS(whole + 0.5,
                       "0.5 is no value of type i32; write one that is, or cast the tensor to f32",
                       Error);
  CHECK_THROWS_WITH_AS(where(single, single, single),
                       "where: the condition must be bool, got f32[2]; compare it first, as in "
                       "x != 0",
                       Error);
}
