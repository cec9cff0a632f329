// The suite norm: normalisation of the rows of a matrix. A case is softmax:ROWSxCOLUMNS or
// layernorm:ROWSxCOLUMNS (without scale and shift).

#include <algorithm>
#include <cmath>

#include "bench/peers.h"
#include "bench/suite.h"
#include "core/error.h"
#include "ops/normalization.h"

namespace tenon::bench {

namespace {

constexpr float epsilon = 1e-5F;

double softmax_in_double(const float* row, std::int64_t columns, std::int64_t column) {
  const double highest = *std::max_element(row, row + columns);
  double sum = 0;
  for (std::int64_t c = 0; c < columns; ++c) sum += std::exp(row[c] - highest);
  return std::exp(row[column] - highest) / sum;
}

double layernorm_in_double(const float* row, std::int64_t columns, std::int64_t column) {
  double sum = 0, squares = 0;
  for (std::int64_t c = 0; c < columns; ++c) sum += row[c];
  const double mean = sum / static_cast<double>(columns);
  for (std::int64_t c = 0; c < columns; ++c) squares += (row[c] - mean) * (row[c] - mean);
  return (row[column] - mean) / std::sqrt(squares / static_cast<double>(columns) + epsilon);
}

Case make_case(Session& session, std::string_view name) {
  const auto [kind_name, size] = at_colon(name);
  const bool is_softmax = kind_name == "softmax";
  const std::vector<std::int64_t> sizes = parse_sizes(size, 2);
  if (sizes.empty() || (!is_softmax && kind_name != "layernorm")) {
    fail("norm: case {}: write softmax:ROWSxCOLUMNS or layernorm:ROWSxCOLUMNS", name);
  }
  const std::int64_t rows = sizes[0], columns = sizes[1];
  const NormKind kind = is_softmax ? NormKind::softmax : NormKind::layernorm;
  Operands operands(session);
  const Tensor x = operands.uniform({rows, columns}, -4, 4);
  auto graph = [=] { return is_softmax ? softmax(x) : layernorm(x, -1, epsilon); };
  auto value = [=, first = data(x)](std::int64_t element) {
    const float* row = first + element / columns * columns;
    return is_softmax ? softmax_in_double(row, columns, element % columns)
                      : layernorm_in_double(row, columns, element % columns);
  };
  auto tolerance = [=](std::int64_t, double value) {
    return is_softmax ? 2e-5 * value : 1e-5 * (1 + std::abs(value));
  };
  const auto count = static_cast<double>(rows * columns);
  return {(is_softmax ? 5 : 7) * count,
          8 * count,
          LimitedBy::copy,
          graph,
          norm_peers(session.device(), {kind, rows, columns, data(x), epsilon}),
          {value, tolerance}};
}

}  // namespace

bool run_norm(const Options& options) {
  return run_cases(
      "norm", options,
      {"softmax:4096x1024", "softmax:512x32000", "softmax:4096x3001", "softmax:64x1024",
       "layernorm:4096x1024", "layernorm:512x32000", "layernorm:4096x3001", "layernorm:64x1024"},
      make_case);
}

}  // namespace tenon::bench
