// The suite order: what the canonical order (lower/canonical.h) costs. Reductions that a fixed
// order of accumulation could make slow run beside the same computation with a free order
// (free_order.h), on one thread. The goal is 0.9 of the opponent's speed. A case is gemv_nn:NxK,
// gemv_nt:NxK, column_sum:ROWS, sum:N, weight_gradient:CHANNELSxSIZE or rows8_nt:NxK.

#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/free_order.h"
#include "bench/suite.h"
#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/gradient.h"
#include "ops/matmul.h"
#include "ops/reductions.h"

namespace tenon::bench {

namespace {

constexpr std::string_view opponent = "free_order";

std::vector<std::int64_t> sizes_of(std::string_view name, std::size_t count) {
  std::vector<std::int64_t> sizes = parse_sizes(at_colon(name).second, count);
  if (sizes.empty()) fail("order: case {}: {} numbers are needed, as in 384x384", name, count);
  return sizes;
}

// An opponent that runs `way` into memory of its own.
template <typename Way>
Contestant into_new_memory(Session& session, std::int64_t elements, Way way) {
  const BufferRef result = session.device().allocate(elements * sizeof(float));
  auto* to = static_cast<float*>(result->host);
  return contestant(std::string(opponent), [way, to] { way(to); }, result);
}

// y[n] = x[k] · b, with b[k,n] or b[n,k].
Case gemv(Session& session, std::string_view name, bool transposed) {
  const auto sizes = sizes_of(name, 2);
  const std::int64_t n = sizes[0], k = sizes[1];
  Operands operands(session);
  const Tensor x = operands.uniform({k});
  const Tensor b = operands.uniform(transposed ? Shape{n, k} : Shape{k, n});
  const float *from = data(x), *matrix = data(b);
  std::vector<Contestant> ways;
  for (const auto way : transposed ? free_order::gemv_nt() : free_order::gemv_nn()) {
    ways.push_back(into_new_memory(session, n, [=](float* y) { way(from, matrix, y, n, k); }));
  }
  const std::int64_t row = transposed ? k : 1, step = transposed ? 1 : n;
  auto value = [=](std::int64_t j) {
    double sum = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      sum += static_cast<double>(from[p]) * matrix[j * row + p * step];
    }
    return sum;
  };
  auto tolerance = [=, x_length = length(from, k)](std::int64_t j, double) {
    return dot_tolerance(k, x_length, length(matrix + j * row, k, step));
  };
  return {2.0 * static_cast<double>(n * k),
          4.0 * static_cast<double>(n * k + n + k),
          LimitedBy::copy,
          [=] { return matmul(x, transposed ? transpose(b) : b); },
          ways,
          {value, tolerance}};
}

Case rows8_nt(Session& session, std::string_view name) {
  const auto sizes = sizes_of(name, 2);
  const std::int64_t n = sizes[0], k = sizes[1];
  Operands operands(session);
  const Tensor a = operands.uniform({8, k}), b = operands.uniform({n, k});
  const float *left = data(a), *right = data(b);
  std::vector<Contestant> ways;
  for (const auto way : free_order::eight_rows_nt()) {
    ways.push_back(into_new_memory(session, 8 * n, [=](float* c) { way(left, right, c, n, k); }));
  }
  auto value = [=](std::int64_t element) {
    const float *row = left + element / n * k, *column = right + element % n * k;
    double sum = 0;
    for (std::int64_t p = 0; p < k; ++p) sum += static_cast<double>(row[p]) * column[p];
    return sum;
  };
  auto tolerance = [=](std::int64_t element, double) {
    return dot_tolerance(k, length(left + element / n * k, k), length(right + element % n * k, k));
  };
  return {16.0 * static_cast<double>(n * k),
          4.0 * static_cast<double>(n * k + 8 * n + 8 * k),
          LimitedBy::fma,
          [=] { return matmul(a, transpose(b)); },
          ways,
          {value, tolerance}};
}

// The sum over the first axis of x[rows, columns].
Expected sums_of_columns(const float* x, std::int64_t rows, std::int64_t columns) {
  std::vector<double> sums(columns), tolerances(columns);
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) sums[c] += x[r * columns + c];
    tolerances[c] = dot_tolerance(rows, length(x + c, rows, columns), 1);
  }
  return {[sums](std::int64_t c) { return sums[c]; },
          [tolerances](std::int64_t c, double) { return tolerances[c]; }};
}

Case column_sum(Session& session, std::string_view name) {
  const std::int64_t rows = sizes_of(name, 1)[0];
  Operands operands(session);
  const Tensor x = operands.uniform({rows, 3});
  auto way = [from = data(x), rows](float* y) { free_order::column_sum(from, y, rows); };
  return {3.0 * static_cast<double>(rows),
          12.0 * static_cast<double>(rows),
          LimitedBy::copy,
          [x] { return sum(x, 0); },
          {into_new_memory(session, 3, way)},
          sums_of_columns(data(x), rows, 3)};
}

Case whole_sum(Session& session, std::string_view name) {
  const std::int64_t count = sizes_of(name, 1)[0];
  Operands operands(session);
  const Tensor x = operands.uniform({count});
  std::vector<Contestant> ways;
  for (const auto way : free_order::sum()) {
    auto run = [way, from = data(x), count](float* y) { way(from, y, count); };
    ways.push_back(into_new_memory(session, 1, run));
  }
  return {static_cast<double>(count),
          4.0 * static_cast<double>(count),
          LimitedBy::copy,
          [x] { return sum(x); },
          ways,
          sums_of_columns(data(x), count, 1)};
}

// The exact gradient: sum over pixels of dy[o, p, q] * x[i, p+r-1, q+s-1].
Expected weight_gradients(const float* x, const float* dy, std::int64_t channels,
                          std::int64_t size) {
  auto value = [=](std::int64_t element) {
    const std::int64_t s = element % 3, r = element / 3 % 3;
    const float* image = x + element / 9 % channels * size * size;
    const float* gradient = dy + element / 9 / channels * size * size;
    double sum = 0;
    for (std::int64_t p = std::max<std::int64_t>(0, 1 - r); p < std::min(size, size + 1 - r); ++p) {
      for (std::int64_t q = std::max<std::int64_t>(0, 1 - s); q < std::min(size, size + 1 - s);
           ++q) {
        sum += static_cast<double>(gradient[p * size + q]) * image[(p + r - 1) * size + q + s - 1];
      }
    }
    return sum;
  };
  const std::int64_t pixels = size * size;
  double longest_x = 0, longest_dy = 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    longest_x = std::max(longest_x, length(x + c * pixels, pixels));
    longest_dy = std::max(longest_dy, length(dy + c * pixels, pixels));
  }
  const double tolerance = dot_tolerance(pixels, longest_x, longest_dy);
  return {value, [tolerance](std::int64_t, double) { return tolerance; }};
}

Case weight_gradient(Session& session, std::string_view name) {
  const auto sizes = sizes_of(name, 2);
  const std::int64_t channels = sizes[0], size = sizes[1];
  if (channels % 64 != 0) fail("order: case {}: channels come in multiples of 64", name);
  Operands operands(session);
  const Tensor x = operands.uniform({1, channels, size, size});
  const Tensor dy = operands.uniform({1, channels, size, size});
  const Tensor weights = operands.uniform({channels, channels, 3, 3});
  Convolution options;
  options.padding = 1;
  auto graph = [=] {
    const Tensor loss = sum(conv2d(x, weights, options) * dy);
    return gradients(loss, std::span(&weights, 1))[0];
  };
  auto work = std::make_shared<free_order::WeightGradient>(channels, channels, size);
  auto way = [=, x = data(x), dy = data(dy)](float* dw) { work->run(x, dy, dw); };
  const std::int64_t pixels = size * size, taps = channels * channels * 9;
  return {2.0 * static_cast<double>(taps * pixels),
          4.0 * static_cast<double>(2 * channels * pixels + taps),
          LimitedBy::fma,
          graph,
          {into_new_memory(session, taps, way)},
          weight_gradients(data(x), data(dy), channels, size)};
}

Case make_case(Session& session, std::string_view name) {
  const std::string_view kind = at_colon(name).first;
  if (kind == "gemv_nn") return gemv(session, name, false);
  if (kind == "gemv_nt") return gemv(session, name, true);
  if (kind == "column_sum") return column_sum(session, name);
  if (kind == "sum") return whole_sum(session, name);
  if (kind == "weight_gradient") return weight_gradient(session, name);
  if (kind == "rows8_nt") return rows8_nt(session, name);
  fail(
      "order: case {}: write gemv_nn, gemv_nt, column_sum, sum, weight_gradient or rows8_nt with "
      "a size, as in gemv_nn:384x384",
      name);
}

}  // namespace

bool run_order(const Options& options) {
  Options on_one_thread = options;
  on_one_thread.threads = 1;
  return run_cases(
      "order", on_one_thread,
      {"gemv_nn:384x384", "gemv_nn:4096x4096", "gemv_nt:384x384", "gemv_nt:4096x4096",
       "column_sum:1000000", "sum:100000000", "weight_gradient:64x56", "rows8_nt:1024x1024"},
      make_case);
}

}  // namespace tenon::bench
