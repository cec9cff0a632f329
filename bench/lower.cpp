// The suite lower: what it costs to make a kernel's nest, to apply its schedule and to finish it. A
// case is a graph, whose kernels get their untuned schedules, or a member of a series: splits:N is
// a nest with N splits, outputs:N a graph with N outputs, inputs:N one with N inputs. In each
// series the cost should grow no faster than N.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/report.h"
#include "bench/suite.h"
#include "cli/graph_file.h"
#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "core/ranges.h"
#include "lower/finish.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower/tree.h"
#include "tuner/search/candidates.h"

namespace tenon::bench {
namespace {

using nlohmann::ordered_json;

// The kernels of a case, with a schedule for each.
struct Work {
  std::vector<KernelGraph> graphs;  // none for a nest that is made by hand
  std::vector<Kernel> naive;
  std::vector<Schedule> schedules;
};

// A nest of sixteen statements with two long loops each, and `count` splits of these loops by four.
Work splits(std::int64_t count) {
  constexpr int statements = 16;
  constexpr std::int64_t extent = 1 << 24;
  Work work;
  Kernel& kernel = work.naive.emplace_back();
  kernel.name = "splits";
  for (const bool is_output : {false, true})
    for (int s = 0; s < statements; ++s)
      kernel.tensors.push_back({.name = fmt::format("{}{}", is_output ? "y" : "x", s),
                                .type = Type::f32,
                                .extents = {extent, extent},
                                .is_output = is_output});
  for (int s = 0; s < statements; ++s) {
    const std::vector<Var> axes = {kernel.add_axis(fmt::format("y{}.i", s), extent),
                                   kernel.add_axis(fmt::format("y{}.j", s), extent)};
    const std::vector<Index> at = mapped(axes, Index::var);
    const ValueRef x = make_value(Load{{s, at}}, Type::f32);
    append(kernel.body, wrap({{Store{{statements + s, at}, x}}}, axes));
  }
  Schedule& schedule = work.schedules.emplace_back();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t axis = i % (2 * statements), level = i / (2 * statements);
    const std::string name = fmt::format("y{}.{}", axis / 2, axis % 2 == 0 ? "i" : "j");
    const auto at_level = [&](std::int64_t l) {
      return l == 0 ? name : fmt::format("{}{}", name, l);
    };
    const std::string part = at_level(level + 1).substr(name.find('.') + 1);
    schedule.push_back({Split{at_level(level), {{part, 0}, {part + "_", 4}}}});
  }
  return work;
}

std::string outputs(std::int64_t count) {
  std::string text = "x = input f32[512,512]\n";
  for (std::int64_t i = 0; i < count; ++i)
    text += fmt::format("y{0} = mul(x, {0}.5)\noutput y{0}\n", i);
  return text;
}

std::string inputs(std::int64_t count) {
  std::string text, names;
  for (std::int64_t i = 0; i < count; ++i) {
    text += fmt::format("x{} = input f32[16]\n", i);
    names += fmt::format("x{}, ", i);
  }
  return text + fmt::format("y = stack({}axis=0)\noutput y\n", names);
}

std::string graph_of(std::string_view name) {
  const auto [series, size] = at_colon(name);
  const std::vector<std::int64_t> sizes = parse_sizes(size, 1);
  if (series == "outputs" && !sizes.empty()) return outputs(sizes[0]);
  if (series == "inputs" && !sizes.empty()) return inputs(sizes[0]);
  if (series == "matmul" && !sizes.empty())
    return fmt::format(
        "a = input f32[{0},{0}]\nb = input f32[{0},{0}]\nc = matmul(a, b)\n"
        "output c\n",
        sizes[0]);
  if (name == "softmax") return "x = input f32[4096,1024]\ny = softmax(x, axis=1)\noutput y\n";
  if (name == "conv")
    return "x = input f32[1,64,56,56]\nw = input f32[64,64,3,3]\n"
           "y = conv2d(x, w, stride=1, padding=1, groups=1)\noutput y\n";
  fail("lower: no case {}; there are matmul:N, softmax, conv, splits:N, outputs:N and inputs:N",
       name);
}

Work work_of(std::string_view name, const Backend& backend) {
  const auto [series, size] = at_colon(name);
  if (const auto count = parse_sizes(size, 1); series == "splits" && !count.empty())
    return splits(count[0]);
  Session session({.threads = 1, .cache = ""});
  const GraphText graph = cli::load_structure(graph_of(name), std::string(name), session);
  const std::vector<NodeRef> wanted =
      mapped(graph.outputs, [](const Tensor& output) { return output.node(); });
  Work work;
  work.graphs = fusion(apply_rules(wanted, session.nodes()));
  for (const KernelGraph& kernel : work.graphs) {
    work.naive.push_back(naive(kernel));
    work.schedules.push_back(untuned({work.naive.back(), backend.target, backend.machine}).moves);
  }
  return work;
}

// The microseconds that `of` takes for all kernels together, in the fastest round.
double cost(const Options& options, std::size_t kernels, const auto& of) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < options.rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t k = 0; k < kernels; ++k) of(k);
    const std::chrono::duration<double, std::micro> passed =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, passed.count());
  }
  return best;
}

Kernel scheduled(const Work& work, std::size_t k, Check check) {
  Moved moved = apply_all(work.naive[k], work.schedules[k], {}, check);
  if (const auto* refused = std::get_if<Refusal>(&moved)) fail("lower: {}", refused->reason);
  return std::get<Kernel>(std::move(moved));
}

void measure(const Options& options, std::string_view name, const Backend& backend) {
  const Work work = work_of(name, backend);
  const std::size_t kernels = work.naive.size();
  std::size_t moves = 0;
  for (const Schedule& schedule : work.schedules) moves += schedule.size();
  std::vector<Kernel> nests;
  for (std::size_t k = 0; k < kernels; ++k) nests.push_back(scheduled(work, k, Check::each));

  const std::pair<const char*, double> costs[] = {
      {"naive_us",
       cost(options, work.graphs.size(), [&](std::size_t k) { naive(work.graphs[k]); })},
      {"each_us", cost(options, kernels, [&](std::size_t k) { scheduled(work, k, Check::each); })},
      {"once_us", cost(options, kernels, [&](std::size_t k) { scheduled(work, k, Check::once); })},
      {"finish_us",
       cost(options, kernels, [&](std::size_t k) { finish(nests[k], backend.target); })}};
  if (options.json) {
    ordered_json object{{"suite", "lower"}, {"case", name}, {"moves", moves}};
    for (const auto& [what, microseconds] : costs) object[what] = microseconds;
    return print_json_line(object);
  }
  fmt::print("{:<14} {:>6}", name, moves);
  for (const auto& [what, microseconds] : costs) fmt::print(" {:>10.1f}", microseconds);
  fmt::print("\n");
}

}  // namespace

bool run_lower(const Options& options) {
  std::vector<std::string> cases = options.cases;
  if (cases.empty())
    cases = {"matmul:512", "matmul:2048", "softmax",    "conv",      "splits:16",
             "splits:64",  "splits:256",  "outputs:1",  "outputs:4", "outputs:16",
             "inputs:64",  "inputs:256",  "inputs:1024"};
  if (!options.json)
    fmt::print("{:<14} {:>6} {:>10} {:>10} {:>10} {:>10}   microseconds\n", "case", "moves",
               "naive", "each", "once", "finish");
  const Backend backend = cpu_backend(1, options.isa);
  for (const std::string& name : cases) measure(options, name, backend);
  return true;
}

}  // namespace tenon::bench
