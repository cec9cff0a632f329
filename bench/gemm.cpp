// The suite gemm: products of two matrices. A case is SIZE or MxNxK, and then perhaps :nn, :nt, :tn
// or :tt, which says for each operand whether it is stored transposed (t).

#include <fmt/core.h>

#include "bench/peers.h"
#include "bench/suite.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

Gemm parse(std::string_view name) {
  const auto [size, layout] = at_colon(name);
  std::vector<std::int64_t> sizes = parse_sizes(size, 3);
  if (sizes.empty()) {
    sizes = parse_sizes(size, 1);
    if (!sizes.empty()) sizes.assign(3, sizes[0]);
  }
  const bool known =
      layout.empty() || layout == "nn" || layout == "nt" || layout == "tn" || layout == "tt";
  if (sizes.empty() || !known) {
    fail("gemm: case {}: write SIZE or MxNxK, and :nn, :nt, :tn or :tt behind it", name);
  }
  return {sizes[0], sizes[1], sizes[2], layout.starts_with("t"), layout.ends_with("t")};
}

std::string operand(char name, std::int64_t rows, std::int64_t columns, bool is_transposed) {
  if (is_transposed) std::swap(rows, columns);
  return fmt::format("{} = input f32[{},{}]\n", name, rows, columns);
}

// Squares, and all shapes of five extents that are work enough.
std::vector<std::string> own_cases() {
  std::vector<std::string> cases{"256", "512", "1024", "2048"};
  constexpr std::int64_t extents[] = {1, 8, 35, 333, 1024};
  for (const std::int64_t m : extents)
    for (const std::int64_t n : extents)
      for (const std::int64_t k : extents)
        for (const char* layout : {"nn", "nt", "tn"})
          if (2 * m * n * k > 1'000'000)
            cases.push_back(fmt::format("{}x{}x{}:{}", m, n, k, layout));
  return cases;
}

}  // namespace

Case gemm_case(Session& session, std::string_view name) {
  const Gemm gemm = parse(name);
  const auto [m, n, k, transpose_a, transpose_b] = gemm;
  const std::string text =
      operand('a', m, k, transpose_a) + operand('b', k, n, transpose_b) +
      fmt::format("c = matmul({}, {})\noutput c\n", transpose_a ? "transpose(a)" : "a",
                  transpose_b ? "transpose(b)" : "b");
  return text_case(session, name, text, 2 * product(std::vector{m, n, k}),
                   [gemm](Device& device, std::span<const float* const> of) {
                     return gemm_peers(device, gemm, of[0], of[1]);
                   });
}

Suite gemm_suite() { return {"gemm", own_cases(), gemm_case}; }

}  // namespace tenon::bench
