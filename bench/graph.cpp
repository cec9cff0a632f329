// The suite graph: whole graphs from files, without tuning, beside the machine's limit.
#include "bench/graph.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/report.h"
#include "bench/suite.h"
#include "cli/files.h"
#include "cli/graph_file.h"
#include "core/error.h"
#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "tuner/space/facts.h"

namespace tenon::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<KernelGraph> kernels_of(const GraphText& graph, Session& session) {
  const auto wanted = mapped(graph.outputs, std::mem_fn(&Tensor::node));
  return fusion(apply_rules(wanted, session.nodes()));
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

}  // namespace

GraphTime time_graph(Session& session, std::string_view text, const std::string& name,
                     const WorkBounds& bounds) {
  GraphTime result;
  double read = 0, written = 0;
  {
    const GraphText graph = cli::load_structure(text, name, session);
    for (const InputLine& input : graph.inputs)
      read += static_cast<double>(bytes(input.type, input.shape));
    for (const Tensor& output : graph.outputs)
      written += static_cast<double>(bytes(output.type(), output.shape()));
    result.bytes = read + written;
    const std::vector<KernelGraph> kernels = kernels_of(graph, session);
    for (const KernelGraph& kernel : kernels) result.flops += flops_of(kernel);
    result.kernels = static_cast<int>(kernels.size());
  }
  const bool moves_enough = result.bytes >= bounds.least_bytes && result.bytes <= bounds.most_bytes;
  const bool computes_enough =
      result.flops >= bounds.least_flops && result.flops <= bounds.most_flops;
  if (result.bytes > bounds.most_bytes || result.flops > bounds.most_flops ||
      (!moves_enough && !computes_enough))
    return result;
  const Case work = text_case(session, name, std::string(text), result.flops);
  result.ms = 1e3 * time_of(session.bind(work.graph()));
  Limit limit(session.device(), session.threads(), result.flops, read, written);
  Rates rates;
  for (int sample = 0; sample < 3; ++sample) limit.sample(rates);
  result.limit_ms = limit.ms(rates);
  return result;
}

nlohmann::ordered_json json_of(const GraphTime& time, std::string_view suite,
                               const std::string& name, int threads) {
  return {{"suite", suite},        {"case", name},
          {"threads", threads},    {"flops", time.flops},
          {"bytes", time.bytes},   {"kernels", time.kernels},
          {"untuned_ms", time.ms}, {"limit_ms", time.limit_ms}};
}

Suite graph_suite() {
  const auto make = [](Session& session, std::string_view path) {
    const std::string text = cli::read_file(std::string(path));
    double flops = 0;
    for (const KernelGraph& kernel :
         kernels_of(cli::load_structure(text, std::string(path), session), session))
      flops += flops_of(kernel);
    Case work = text_case(session, path, text, flops);
    const std::vector<Tensor> outputs = work.graph();
    std::vector<NodeRef> inputs;
    for (const NodeRef& node : in_order(mapped(outputs, std::mem_fn(&Tensor::node))).nodes)
      if (node->as<BufferLeaf>()) inputs.push_back(node);
    work.outside = frameworks_of(std::string(path), inputs);
    return work;
  };
  return {"graph",
          {"bench/graphs/bert_layer.tenon", "bench/graphs/attention.tenon",
           "bench/graphs/max_pool.tenon"},
          make};
}

}  // namespace tenon::bench
