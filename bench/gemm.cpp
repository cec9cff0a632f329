// The suite gemm: products of two matrices. A case is SIZE or MxNxK, and then perhaps :nn, :nt, :tn
// or :tt, which says for each operand whether it is stored transposed (t).

#include "bench/peers.h"
#include "bench/suite.h"
#include "core/error.h"
#include "ops/matmul.h"

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

// Lengths of a's rows and b's columns, from which each element's tolerance comes.
struct Lengths {
  std::vector<double> rows, columns;
};

Lengths lengths(const Gemm& gemm, const float* a, const float* b) {
  Lengths result;
  for (std::int64_t i = 0; i < gemm.m; ++i) {
    result.rows.push_back(gemm.transpose_a ? length(a + i, gemm.k, gemm.m)
                                           : length(a + i * gemm.k, gemm.k));
  }
  for (std::int64_t j = 0; j < gemm.n; ++j) {
    result.columns.push_back(gemm.transpose_b ? length(b + j * gemm.k, gemm.k)
                                              : length(b + j, gemm.k, gemm.n));
  }
  return result;
}

Expected expected(const Gemm& gemm, const float* a, const float* b) {
  auto value = [=](std::int64_t element) {
    const std::int64_t i = element / gemm.n, j = element % gemm.n;
    double sum = 0;
    for (std::int64_t p = 0; p < gemm.k; ++p) {
      const double left = gemm.transpose_a ? a[p * gemm.m + i] : a[i * gemm.k + p];
      const double right = gemm.transpose_b ? b[j * gemm.k + p] : b[p * gemm.n + j];
      sum += left * right;
    }
    return sum;
  };
  auto tolerance = [gemm, known = lengths(gemm, a, b)](std::int64_t element, double) {
    return dot_tolerance(gemm.k, known.rows[element / gemm.n], known.columns[element % gemm.n]);
  };
  return {value, tolerance};
}

Case make_case(Session& session, std::string_view name) {
  const Gemm gemm = parse(name);
  const auto [m, n, k, transpose_a, transpose_b] = gemm;
  Operands operands(session);
  const Tensor a = operands.uniform(transpose_a ? Shape{k, m} : Shape{m, k});
  const Tensor b = operands.uniform(transpose_b ? Shape{n, k} : Shape{k, n});
  auto graph = [=] {
    const Tensor c = matmul(transpose_a ? transpose(a) : a, transpose_b ? transpose(b) : b);
    c.executor().nodes().set_name(*c.node(), "c");  // for --moves
    return c;
  };
  return {2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
          4.0 * static_cast<double>(m * k + k * n + m * n),
          LimitedBy::fma,
          graph,
          gemm_peers(session.device(), gemm, data(a), data(b)),
          expected(gemm, data(a), data(b))};
}

}  // namespace

bool run_gemm(const Options& options) {
  return run_cases("gemm", options, {"256", "512", "1024", "2048"}, make_case);
}

}  // namespace tenon::bench
