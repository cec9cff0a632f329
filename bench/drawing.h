// Drawing: a graph while it is being drawn, as text, with the source of the random numbers. An
// operation reads the last value and its shape, and set() makes the operation's result the last
// value. Used by drawn_graph.cpp alone, which has the operations.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tenon::bench {

using Extents = std::vector<std::int64_t>;

inline constexpr std::int64_t most_elements = 24'000'000;  // of a value

inline std::int64_t elements(const Extents& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

struct Drawing {
  explicit Drawing(std::uint64_t seed) : random(seed) {}

  std::int64_t below(std::int64_t count) { return static_cast<std::int64_t>(random() % count); }
  std::int64_t one_of(const std::vector<std::int64_t>& values) {
    return values[below(std::ssize(values))];
  }
  std::int64_t extent() {
    return one_of({1,   2,   3,   5,   7,   8,    10,   12,   16,   17,   28,  31,  32,
                   50,  56,  63,  64,  96,  97,   100,  112,  127,  128,  197, 224, 256,
                   333, 384, 512, 576, 768, 1000, 1024, 1536, 2048, 3072, 4096});
  }
  std::string input(const Extents& of, const char* type = "f32") {
    const std::string name = fmt::format("in{}", inputs++);
    head += fmt::format("{} = input {}[{}]\n", name, type, fmt::join(of, ","));
    return name;
  }
  // The value becomes the result of the call.
  void set(const std::string& call, Extents result) {
    const std::string name = fmt::format("v{}", values++);
    body += fmt::format("{} = {}\n", name, call);
    value = name;
    shape = std::move(result);
  }
  std::int64_t count() const { return elements(shape); }
  int rank() const { return static_cast<int>(shape.size()); }
  int axis() { return static_cast<int>(below(rank())); }
  // The shape, or that of a bias, a column or a scalar that broadcasts to it.
  Extents other() {
    Extents result = shape;
    const std::int64_t form = below(4);
    for (int a = 0; a < rank(); ++a)
      if ((form == 1 && a + 1 < rank()) || (form == 2 && a + 1 == rank())) result[a] = 1;
    return result;
  }
  Extents without(int axis) const {
    Extents result = shape;
    result.erase(result.begin() + axis);
    return result;
  }
  std::string list(auto of) const {
    std::vector<std::int64_t> numbers;
    for (int a = 0; a < rank(); ++a) numbers.push_back(of(a));
    return fmt::format("[{}]", fmt::join(numbers, ","));
  }

  std::mt19937_64 random;
  std::string head, body;  // the lines of the inputs, and those of the values
  std::string value;       // the name of the last value, which is f32
  Extents shape;           // of that value
  int inputs = 0, values = 0;
};

}  // namespace tenon::bench
