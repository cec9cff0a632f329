// The suite graph: whole graphs from files, without tuning, beside the machine's limit.
#include "bench/graph.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/report.h"
#include "bench/suites.h"
#include "cli/files.h"
#include "cli/graph_file.h"
#include "core/error.h"
#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "ops/catalogue.h"
#include "text/parse_graph.h"
#include "tuner/space/facts.h"

namespace tenon::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Tensor random_input(Session& session, const InputLine& input, std::mt19937& random) {
  const auto count = static_cast<std::size_t>(elements(input.shape));
  const auto fill = [&](auto values, auto draw) {
    std::ranges::generate(values, draw);
    return session.tensor(std::span(std::as_const(values)), input.shape, input.name);
  };
  if (input.type == Type::f32)
    return fill(std::vector<float>(count),
                [&] { return static_cast<float>(random()) * 0x1p-31F - 1; });
  if (input.type == Type::i32)
    return fill(std::vector<std::int32_t>(count),
                [&] { return static_cast<std::int32_t>(random() % 100); });
  return fill(std::vector<std::uint8_t>(count),
              [&] { return static_cast<std::uint8_t>(random() % 2); });
}

// An instruction on a vector counts as two operations for each lane.
double flops_of(const KernelGraph& graph) {
  const Facts facts = facts_of(naive(graph));
  double flops = 0;
  for (const StatementFacts& statement : facts.statements) {
    double iterations = 2 * static_cast<double>(statement.operations);
    for (const Var axis : statement.path) iterations *= static_cast<double>(facts.extent(axis));
    flops += iterations;
  }
  return flops;
}

// The time of a run: the least of five batches, each of a millisecond at least.
double time_of(const Bound& bound) {
  constexpr double batch_seconds = 1e-3;
  bound.launch();
  std::int64_t runs = 1;
  double best = std::numeric_limits<double>::infinity();
  for (int batch = 0; batch < 6; ++batch) {  // the first one warms up
    const auto start = Clock::now();
    for (std::int64_t run = 0; run < runs; ++run) bound.launch();
    const double seconds = seconds_since(start);
    if (seconds < batch_seconds) {
      runs *= 2;
      batch = 0;
    }
    if (batch > 0) best = std::min(best, seconds / static_cast<double>(runs));
  }
  return best;
}

template <typename Sample>
double best_of_three(const Sample& sample) {
  return std::max({sample(), sample(), sample()});
}

}  // namespace

GraphTime time_graph(Session& session, std::string_view text, const std::string& name,
                     const WorkBounds& bounds) {
  GraphTime result;
  {
    const GraphText graph = cli::load_structure(text, name, session);
    for (const InputLine& input : graph.inputs)
      result.bytes += static_cast<double>(bytes(input.type, input.shape));
    for (const Tensor& output : graph.outputs)
      result.bytes += static_cast<double>(bytes(output.type(), output.shape()));
    const auto wanted = mapped(graph.outputs, std::mem_fn(&Tensor::node));
    for (const KernelGraph& kernel : fusion(apply_rules(wanted, session.nodes()))) {
      result.flops += flops_of(kernel);
      ++result.kernels;
    }
  }
  const bool moves_enough = result.bytes >= bounds.least_bytes && result.bytes <= bounds.most_bytes;
  const bool computes_enough =
      result.flops >= bounds.least_flops && result.flops <= bounds.most_flops;
  if (result.bytes > bounds.most_bytes || result.flops > bounds.most_flops ||
      (!moves_enough && !computes_enough))
    return result;
  std::mt19937 random(1);
  const GraphText graph = parse_graph(
      text, name, session,
      [&](const InputLine& input) { return random_input(session, input, random); }, compose,
      operation_names());
  result.ms = 1e3 * time_of(session.bind(graph.outputs));
  const int threads = session.threads();
  Copy copy(session.device(), static_cast<std::size_t>(std::max(result.bytes / 2, 4096.0)),
            threads);
  const double copy_rate = best_of_three([&] { return copy.rate(); });
  const double compute_rate = best_of_three([&] { return fma_rate(threads); });
  result.limit_ms = 1e3 * std::max(result.bytes / copy_rate, result.flops / compute_rate);
  return result;
}

nlohmann::ordered_json json_of(const GraphTime& time, std::string_view suite,
                               const std::string& name, int threads) {
  return {{"suite", suite},        {"case", name},
          {"threads", threads},    {"flops", time.flops},
          {"bytes", time.bytes},   {"kernels", time.kernels},
          {"untuned_ms", time.ms}, {"limit_ms", time.limit_ms}};
}

bool run_graph(const Options& options) {
  if (options.cases.empty()) fail("graph: name a graph file, as in --case examples/matmul.tenon");
  Session session({.threads = options.threads, .isa = options.isa, .cache = ""});
  if (!options.json)
    fmt::print("{:<24} {:>7} {:>10} {:>10} {:>7}\n", "graph", "kernels", "ms", "limit ms", "share");
  for (const std::string& path : options.cases) {
    const GraphTime time = time_graph(session, cli::read_file(path), path);
    if (options.json)
      print_json_line(json_of(time, "graph", path, session.threads()));
    else
      fmt::print("{:<24} {:>7} {:>10.3f} {:>10.3f} {:>7.2f}\n",
                 path.substr(path.find_last_of('/') + 1), time.kernels, time.ms, time.limit_ms,
                 time.share());
  }
  return true;
}

}  // namespace tenon::bench
