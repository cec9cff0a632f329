// The helpers for ranges.
#include <doctest/doctest.h>

#include <array>

#include "core/ranges.h"

using namespace tenon;

TEST_CASE("what a range contains, and where") {
  const std::vector<int> numbers{3, 1, 4, 1};
  CHECK(contains(numbers, 4));
  CHECK_FALSE(contains(numbers, 2));
  CHECK(position(numbers, 1) == 1);
  CHECK_FALSE(position(numbers, 2).has_value());
  constexpr std::array<std::string_view, 2> words{"add", "mul"};
  CHECK(position(words, "mul") == 1);
}

TEST_CASE("appending") {
  std::vector<int> numbers{1};
  append(numbers, std::array{2, 3});
  append_once(numbers, 2);
  append_once(numbers, 4);
  CHECK(numbers == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("one result an element") {
  const std::vector<int> numbers{1, 2, 3};
  CHECK(mapped(numbers, [](int n) { return n * n; }) == std::vector<int>{1, 4, 9});
  const auto text = [](int n) { return std::to_string(n); };
  CHECK(joined(numbers, ", ", text) == "1, 2, 3");
  CHECK(joined(std::vector<int>{}, ", ", text).empty());
}

TEST_CASE("several results an element") {
  const auto copies = [](int n) { return std::vector<int>(n, n); };
  CHECK(flat_mapped(std::array{2, 0, 1}, copies) == std::vector<int>{2, 2, 1});
}
