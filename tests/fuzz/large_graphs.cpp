// The graphs whose data exceeds a cache: one of six forms, with random extents. Each number is
// drawn in a statement of its own, because compilers evaluate arguments in different orders.
#include <fmt/format.h>

#include "graphs.h"

namespace tenon::fuzz {

std::string large_graph(Random& random) {
  const auto extent = [&](std::int64_t low, std::int64_t high) {
    return random.chance(30) ? (random.between(low, high) + 15) / 16 * 16
                             : random.between(low, high);
  };
  switch (random.below(7)) {
    case 0: {  // sums of more than one block
      const std::int64_t rows = extent(3, 40), columns = extent(9'000, 20'000);
      const auto axis = random.below(2);
      const bool is_wide = random.chance(50);
      return fmt::format(
          "x = input f32[{0}]; s = sum(mul(x, x), axes=[{1}]); m = reduce(x, with=max, "
          "axes=[{1}]); "
          "y = add(s, m); output y",
          is_wide ? fmt::format("{},{}", rows, columns) : fmt::format("{},{}", columns, rows),
          axis);
    }
    case 1:
    case 6: {
      const std::int64_t m = extent(60, 300), k = extent(500, 900), n = extent(60, 300);
      const bool left = random.chance(40), right = random.chance(40);
      return fmt::format(
          "a = input f32[{}]; b = input f32[{}]; c = input f32[{}]; p = matmul({}, {}); r = "
          "relu(add(p, c)); output {}",
          left ? fmt::format("{},{}", k, m) : fmt::format("{},{}", m, k),
          right ? fmt::format("{},{}", n, k) : fmt::format("{},{}", k, n), n,
          left ? "transpose(a)" : "a", right ? "transpose(b)" : "b", random.chance(70) ? "r" : "p");
    }
    case 2: {
      const std::int64_t rows = extent(400, 900), columns = extent(400, 900);
      return fmt::format(
          "x = input f32[{0},{1}]; y = input f32[{1}]; s = reduce(x, with=sum, axes=[{2}]); z = "
          "mul(x, y); output s, z",
          rows, columns, random.below(2));
    }
    case 3: {
      const std::int64_t rows = extent(400, 800), columns = extent(500, 900);
      return fmt::format("x = input f32[{0},{1}]; y = {2}(x); output y", rows, columns,
                         random.of<std::string>({"softmax", "layernorm", "transpose", "gelu"}));
    }
    case 4: {
      const std::int64_t size = extent(60, 120), stride = random.between(1, 2);
      const auto padding = random.below(2);
      const std::int64_t outputs = random.between(3, 17), inputs = random.between(16, 20);
      return fmt::format(
          "x = input f32[2,{0},{1},{1}]; w = input f32[{2},{0},3,3]; y = conv2d(x, w, padding={3}, "
          "stride={4}); output y",
          inputs, size, outputs, padding, stride);
    }
    default: {
      const std::int64_t a = extent(15, 40), b = extent(90, 130), c = extent(90, 130);
      const auto order = random.of<std::string>({"0,2,1", "2,0,1", "1,0,2", "2,1,0"});
      const std::int64_t picked = extent(30, 90);
      return fmt::format(
          "x = input f32[{},{},{}]; i = input i32[{}]; p = permute(x, order=[{}]); g = gather(p, "
          "i, "
          "axis=1); q = add(g, 0.5); output q",
          a, b, c, picked, order);
    }
  }
}

}  // namespace tenon::fuzz
