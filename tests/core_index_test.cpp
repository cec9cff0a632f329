#include "core/index.h"

#include <random>

#include <doctest/doctest.h>

using namespace tenon;

namespace {

// Variables a, b, c, d of these extents, 0 to extent - 1.
constexpr std::int64_t extents[] = {3, 8, 12, 5};

Bounds bounds_of(Var v) { return {0, extents[v] - 1}; }
std::string name_of(Var v) { return std::string(1, static_cast<char>('a' + v)); }
std::string show(const Index& index) { return text(index, name_of); }

const Index a = Index::var(0), b = Index::var(1), c = Index::var(2);

// Calls visit with every assignment of the four variables.
template <typename Visit>
void for_each_point(Visit&& visit) {
  for (int at = 0; at < 3 * 8 * 12 * 5; at++) {
    const std::int64_t point[] = {at % 3, at / 3 % 8, at / 24 % 12, at / 288};
    visit([&](Var v) { return point[v]; });
  }
}

// A random index, and the same function evaluated without the algebra.
struct Sample {
  Index index;
  std::function<std::int64_t(const std::function<std::int64_t(Var)>&)> value;
};

Sample random_sample(std::mt19937& random, int depth) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  const int kind = depth == 0 ? pick(0, 1) : pick(0, 6);
  if (kind == 0) {
    const int constant = pick(-9, 9);
    return {constant, [=](const auto&) { return constant; }};
  }
  if (kind == 1) {
    const Var v = pick(0, 3);
    return {Index::var(v), [=](const auto& at) { return at(v); }};
  }
  const Sample left = random_sample(random, depth - 1);
  if (kind <= 3) {
    const Sample right = random_sample(random, depth - 1);
    return {left.index + right.index,
            [=](const auto& at) { return left.value(at) + right.value(at); }};
  }
  if (kind == 4) {
    const int factor = pick(-8, 12);
    return {left.index * factor, [=](const auto& at) { return left.value(at) * factor; }};
  }
  const std::int64_t divisor = pick(1, 24);
  const auto floor_of = [=](std::int64_t value) {
    return (value - ((value % divisor) + divisor) % divisor) / divisor;
  };
  if (kind == 5)
    return {floordiv(left.index, divisor, bounds_of),
            [=](const auto& at) { return floor_of(left.value(at)); }};
  return {mod(left.index, divisor, bounds_of), [=](const auto& at) {
            const std::int64_t value = left.value(at);
            return value - divisor * floor_of(value);
          }};
}

}  // namespace

TEST_CASE("sums have one normal form") {
  CHECK(show(b + a * 8 + 3 + a * 0) == "8*a + b + 3");
  CHECK(a * 2 + b - a == b + a);
  CHECK((a - a).is_constant());
  CHECK(show(a * -1 + 7) == "-a + 7");
  CHECK(show(Index(0)) == "0");
  CHECK(show(floordiv(a * 5 + b, 4, bounds_of) * 3 - mod(b, 3, bounds_of)) ==
        "3*a + 3*((a + b) / 4) - b mod 3");
  CHECK((a + b).coefficient(1) == 1);
  CHECK((b + 0).as_var() == 1);
  CHECK_FALSE((b + 1).as_var());
}

TEST_CASE("division and remainder simplify with bounds") {
  const auto quotient = [](const Index& index, std::int64_t by) {
    return show(floordiv(index, by, bounds_of));
  };
  const auto remainder = [](const Index& index, std::int64_t by) {
    return show(mod(index, by, bounds_of));
  };
  CHECK(quotient(a * 12 + c, 12) == "a");
  CHECK(remainder(a * 12 + c, 12) == "c");
  CHECK(quotient(b, 8) == "0");
  CHECK(quotient(b + 16, 8) == "2");
  CHECK(quotient(a * 32 + b * 4 + 3, 8) == "4*a + b / 2");
  CHECK(remainder(a * 32 + b * 4 + 3, 8) == "4*(b mod 2) + 3");
  CHECK(quotient(floordiv(c, 2, bounds_of), 3) == "c / 6");
  CHECK(remainder(mod(c, 6, bounds_of), 3) == "c mod 3");
  CHECK(quotient(mod(c, 6, bounds_of), 3) == "(c / 3) mod 2");
  CHECK(quotient(b * -1 + 7, 4) == "(-b + 3) / 4 + 1");
}

TEST_CASE("quotient and remainder of one division make the whole again") {
  const Index linear = a * 96 + b * 12 + c;
  const auto at = [&](std::int64_t by) { return floordiv(linear, by, bounds_of); };
  CHECK(floordiv(c, 5, bounds_of) * 5 + mod(c, 5, bounds_of) == c);
  // [3,8,12] seen as [32,9] and back: three digits of the linear index.
  const Index row = at(9), column = mod(linear, 9, bounds_of);
  CHECK(row * 9 + column == linear);
  const Index i = Index::var(2);
  const Index middle = mod(floordiv(i, 2, bounds_of), 3, bounds_of);
  CHECK(show(middle * 2 + mod(i, 2, bounds_of)) == "c mod 6");
}

TEST_CASE("random indices keep their values, bounds and form") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 400; trial++) {
    const Sample sample = random_sample(random, 5);
    const Bounds range = bounds(sample.index, bounds_of);
    CAPTURE(show(sample.index));
    bool equal = true, bounded = true;
    for_each_point([&](const std::function<std::int64_t(Var)>& at) {
      const std::int64_t value = evaluate(sample.index, at);
      equal = equal && value == sample.value(at);
      bounded = bounded && range.low <= value && value <= range.high;
    });
    CHECK(equal);
    CHECK(bounded);
    CHECK(sample.index == sample.index + a - a);
  }
}

TEST_CASE("substitution agrees with evaluation") {
  std::mt19937 random(11);
  for (int trial = 0; trial < 100; trial++) {
    const Index outer = random_sample(random, 4).index;
    const Index inner[] = {random_sample(random, 2).index, random_sample(random, 2).index,
                           random_sample(random, 2).index, random_sample(random, 2).index};
    const Index composed = substitute(outer, [&](Var v) { return inner[v]; }, bounds_of);
    bool equal = true;
    for_each_point([&](const std::function<std::int64_t(Var)>& at) {
      const auto through = [&](Var v) { return evaluate(inner[v], at); };
      equal = equal && evaluate(composed, at) == evaluate(outer, through);
    });
    CAPTURE(show(outer));
    CHECK(equal);
  }
}

TEST_CASE("ranges are decided by bounds") {
  CHECK(always({a + b, 0, 10}, bounds_of));
  CHECK_FALSE(always({a + b, 0, 9}, bounds_of));
  CHECK(never({a - 5, 0, 10}, bounds_of));
  CHECK_FALSE(never({a - 2, 0, 10}, bounds_of));
}

TEST_CASE("the parts of a number join again where it was split by what does not divide them") {
  const auto of = [](Var v) { return Bounds{0, v == 0 ? 35 : 15}; };
  for (const std::int64_t tile : {16, 8, 5, 64}) {
    const Index x = Index::var(0) * tile + Index::var(1);
    CHECK(floordiv(mod(x, 9, of), 3, of) * 3 + mod(x, 3, of) == mod(x, 9, of));
    CHECK(floordiv(x, 9, of) * 9 + floordiv(mod(x, 9, of), 3, of) * 3 + mod(x, 3, of) == x);
  }
}

TEST_CASE("a range without its quotient is open where it was") {
  const Range range{floordiv(b + c, 16, bounds_of), -anything, 3};
  CHECK((without_division(range) == Range{b + c, -anything, 48}));
}
