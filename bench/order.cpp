// The suite order: what the canonical order (lower/canonical.h) costs. Reductions that a fixed
// order of accumulation could make slow run beside the same computation with a free order
// (free_order.h), on one thread. The goal is 0.9 of the opponent's speed. A case is gemv_nn:NxK,
// gemv_nt:NxK, column_sum:ROWS, sum:N, weight_gradient:CHANNELSxSIZE or rows8_nt:NxK.

#include <memory>

#include <fmt/core.h>

#include "bench/cases.h"
#include "bench/free_order.h"
#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/gradient.h"
#include "ops/reductions.h"

namespace tenon::bench {

namespace {

using Values = std::span<const float* const>;

std::vector<std::int64_t> sizes_of(std::string_view name, std::size_t count) {
  std::vector<std::int64_t> sizes = parse_sizes(at_colon(name).second, count);
  if (sizes.empty()) fail("order: case {}: {} numbers are needed, as in 384x384", name, count);
  return sizes;
}

// The opponents that compute the same in different ways. `run` calls a way with the address of its
// result.
template <typename Way>
std::vector<Contestant> opponents(Device& device, std::int64_t elements,
                                  const std::vector<Way>& ways, auto run) {
  std::vector<Contestant> all;
  for (const Way way : ways) {
    const BufferRef result = device.allocate(elements * sizeof(float));
    auto* to = static_cast<float*>(result->host);
    all.push_back(contestant("free_order", [way, run, to] { run(way, to); }, result));
  }
  return all;
}

// y[n] = x[k] · b, with b[k,n] or b[n,k].
Case gemv(Session& session, std::string_view name, bool transposed) {
  const auto sizes = sizes_of(name, 2);
  const std::int64_t n = sizes[0], k = sizes[1];
  const std::string text =
      fmt::format("a = input f32[{}]\nb = input f32[{},{}]\ny = matmul(a, {})\noutput y\n", k,
                  transposed ? n : k, transposed ? k : n, transposed ? "transpose(b)" : "b");
  return text_case(session, name, text, 2 * product(sizes), [=](Device& device, Values of) {
    const auto ways = transposed ? free_order::gemv_nt() : free_order::gemv_nn();
    return opponents(device, n, ways,
                     [=, x = of[0], b = of[1]](auto way, float* y) { way(x, b, y, n, k); });
  });
}

Case rows8_nt(Session& session, std::string_view name) {
  const auto sizes = sizes_of(name, 2);
  const std::int64_t n = sizes[0], k = sizes[1];
  const std::string text = fmt::format(
      "a = input f32[8,{0}]\nb = input f32[{1},{0}]\nc = matmul(a, transpose(b))\noutput c\n", k,
      n);
  return text_case(session, name, text, 16 * product(sizes), [=](Device& device, Values of) {
    return opponents(device, 8 * n, free_order::eight_rows_nt(),
                     [=, a = of[0], b = of[1]](auto way, float* c) { way(a, b, c, n, k); });
  });
}

Case column_sum(Session& session, std::string_view name) {
  const std::int64_t rows = sizes_of(name, 1)[0];
  const std::string text =
      fmt::format("a = input f32[{},3]\ny = sum(a, axes=[0])\noutput y\n", rows);
  return text_case(session, name, text, 3 * static_cast<double>(rows),
                   [=](Device& device, Values of) {
                     return opponents(device, 3, std::vector{free_order::column_sum},
                                      [=, x = of[0]](auto way, float* y) { way(x, y, rows); });
                   });
}

Case whole_sum(Session& session, std::string_view name) {
  const std::int64_t count = sizes_of(name, 1)[0];
  const std::string text = fmt::format("a = input f32[{}]\ny = sum(a)\noutput y\n", count);
  return text_case(session, name, text, static_cast<double>(count), [=](Device& device, Values of) {
    return opponents(device, 1, free_order::sum(),
                     [=, x = of[0]](auto way, float* y) { way(x, y, count); });
  });
}

// The text of a graph has no gradients, so this graph is built in C++.
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
  const auto graph = [=] {
    const Tensor loss = sum(conv2d(x, weights, options) * dy);
    return gradients(loss, std::span(&weights, 1));
  };
  const std::int64_t taps = channels * channels * 9;
  const auto peers = [=, &session] {
    using free_order::WeightGradient;
    const auto work = std::make_shared<WeightGradient>(channels, channels, size);
    return opponents(session.device(), taps, std::vector{work.get()},
                     [=, x = data(x), dy = data(dy)](WeightGradient* way, float* dw) {
                       check(way == work.get(), "the closure keeps the opponent");
                       way->run(x, dy, dw);
                     });
  };
  return {graph, 2 * product(std::vector{taps, size, size}), peers};
}

}  // namespace

Case order_case(Session& session, std::string_view name) {
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

bool run_order(const Options& options) {
  Options on_one_thread = options;
  on_one_thread.threads = 1;
  return run_cases(
      {"order",
       {"gemv_nn:384x384", "gemv_nn:4096x4096", "gemv_nt:384x384", "gemv_nt:4096x4096",
        "column_sum:1000000", "sum:100000000", "weight_gradient:64x56", "rows8_nt:1024x1024"},
       order_case},
      on_one_thread);
}

}  // namespace tenon::bench
