// Values as text for people.
#include <doctest/doctest.h>

#include <cmath>

#include "cli/show.h"

using namespace tenon;
using namespace tenon::cli;

namespace {

template <typename T>
std::string show(Type type, const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
  return show_values(type, shape, reinterpret_cast<const char*>(values.data()));
}

}  // namespace

TEST_CASE("values are printed in nested brackets and aligned") {
  CHECK(show<float>(Type::f32, {}, {0.1F}) == "0.1");
  CHECK(show<float>(Type::f32, {3}, {0.5F, -12, 1e-9F}) == "[  0.5   -12 1e-09]");
  CHECK(show<float>(Type::f32, {2}, {NAN, -NAN}) == "[nan nan]");
  CHECK(show<std::int32_t>(Type::i32, {2, 2}, {1, 2, 30, 4}) == "[[ 1  2]\n [30  4]]");
  CHECK(show<std::uint8_t>(Type::boolean, {2}, {1, 0}) == "[ True False]");
  CHECK(show<std::int32_t>(Type::i32, {2, 1, 2}, {1, 2, 3, 4}) == "[[[1 2]]\n\n [[3 4]]]");
}

TEST_CASE("the middle of a long axis is left out") {
  CHECK(show<std::int32_t>(Type::i32, {6}, {1, 2, 3, 4, 5, 6}) == "[1 2 3 4 5 6]");
  CHECK(show<std::int32_t>(Type::i32, {7}, {1, 2, 3, 4, 5, 6, 7}) == "[1 2 3 ... 5 6 7]");
}

TEST_CASE("an axis of no elements is an empty bracket") {
  CHECK(show<float>(Type::f32, {0}, {}) == "[]");
  CHECK(show<float>(Type::f32, {2, 0}, {}) == "[[]\n []]");
}
