// The suite regret: how far the untuned schedule and a short search are from the fastest schedule
// that an exhaustive search finds. It takes one to two hours. Its results are kept in a file, so a
// run that was stopped goes on. A case is SUITE/CASE, as in gemm/512.

#include <fstream>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/exhaustive.h"
#include "bench/process.h"
#include "bench/regret_cases.h"
#include "bench/report.h"
#include "core/error.h"
#include "core/print_graph.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "tuner/build_id.h"
#include "tuner/session/kernel_store.h"

namespace tenon::bench {
namespace {

using nlohmann::ordered_json;

constexpr int default_measurements = 16;

// What was found for a case: one line of the file.
struct Result {
  std::string suite, name, isa;
  int threads;
  std::size_t points;
  std::uint64_t seed;
  int measurements;
  double untuned_ms = 0, tuned_ms = 0, best_ms = 0;
  int candidates = 0;
  std::vector<std::string> best = {};  // the point of each kernel

  // Everything that decides the figures.
  std::string key() const {
    return fmt::format("{}/{} {} {} {} {} {} {}", suite, name, isa, threads, points, seed,
                       measurements, build_id);
  }
  ordered_json json() const {
    return {{"suite", suite},       {"case", name},       {"dtype", "f32"},
            {"threads", threads},   {"isa", isa},         {"untuned_ms", untuned_ms},
            {"tuned_ms", tuned_ms}, {"best_ms", best_ms}, {"candidates", candidates},
            {"best", best},         {"key", key()}};
  }
};

// The results of earlier runs, by key. Lines that cannot be read are left out.
std::map<std::string, ordered_json> kept_results(const std::string& path) {
  std::map<std::string, ordered_json> kept;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    ordered_json object = ordered_json::parse(line, nullptr, false);
    if (object.is_object() && object.contains("key")) kept[object["key"]] = object;
  }
  return kept;
}

void measure(Result& result, const Options& options, const std::string& progress) {
  Session session({.threads = options.threads, .isa = result.isa, .cache = ""});
  const Case work = suite_of(result.suite).make(session, result.name);
  const std::vector<NodeRef> ruled =
      apply_rules(mapped(work.graph(), std::mem_fn(&Tensor::node)), session.nodes());
  const std::vector<KernelGraph> kernels = fusion(ruled);
  std::vector<NodeRef> roots;  // the text may name an output only once
  for (const NodeRef& node : ruled) append_once(roots, node);
  const std::string text = print_graph(roots);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Job job{text, static_cast<int>(i), canonical_text(kernels[i]), result.threads,
                  result.isa};
    const auto tell = [&](int measured, double best_ns) {
      note(fmt::format("{}: kernel {} of {}, {} schedules, the best takes {:.1f} us", progress,
                       i + 1, kernels.size(), measured, best_ns * 1e-3));
    };
    const Exhausted found = exhaust(session.kernels().space_of(naive(kernels[i])), job,
                                    {result.points, result.measurements, result.seed, tell});
    result.untuned_ms += found.untuned_ns * 1e-6;
    result.tuned_ms += found.tuned_ns * 1e-6;
    result.best_ms += found.best_ns * 1e-6;
    result.candidates += found.measured;
    result.best.push_back(found.point);
  }
}

std::vector<RegretCase> asked_cases(const Options& options) {
  if (options.cases.empty()) return regret_cases(options.seed);
  std::vector<RegretCase> cases;
  for (const std::string& text : options.cases) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos)
      fail("regret: case {}: write SUITE/CASE, as in --case gemm/512", text);
    cases.push_back({std::string(suite_of(text.substr(0, slash)).name), text.substr(slash + 1)});
  }
  return cases;
}

// Each case, and some again with AVX2 where the processor has wider vectors.
std::vector<Result> planned(const Options& options) {
  const Session session({.threads = options.threads, .isa = options.isa, .cache = ""});
  const std::string isa(session.backend().target.name);
  const int measurements = options.measurements.value_or(default_measurements);
  std::vector<Result> plan, again;
  for (const RegretCase& one : asked_cases(options)) {
    plan.push_back(
        {one.suite, one.name, isa, session.threads(), options.points, options.seed, measurements});
    if (!one.is_again || isa != "avx512") continue;
    again.push_back(plan.back());
    again.back().isa = "avx2";
  }
  append(plan, again);
  return plan;
}

}  // namespace

bool run_regret(const Options& options) {
  const std::string path =
      options.results.empty() ? (build_folder() / "regret.jsonl").string() : options.results;
  const auto kept = kept_results(path);
  std::ofstream file(path, std::ios::app);
  if (!file) fail("regret: {} cannot be written; name another file with --results", path);
  const std::vector<Result> plan = planned(options);
  if (!options.json)
    fmt::print("{}\nresults are kept in {}\n\n{:<44} {:>7} {:>10} {:>10} {:>10} {:>8} {:>8}\n",
               machine_line(), path, "regret", "tried", "untuned ms", "tuned ms", "best ms",
               "untuned", "tuned");
  Mean untuned, tuned;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Result result = plan[i];
    const std::string name = fmt::format("{}/{} {}", result.suite, result.name, result.isa);
    const auto known = kept.find(result.key());
    if (known == kept.end()) {
      measure(result, options, fmt::format("{} of {}, {}", i + 1, plan.size(), name));
      file << result.json().dump() << std::endl;
    } else {
      result.untuned_ms = known->second.at("untuned_ms");
      result.tuned_ms = known->second.at("tuned_ms");
      result.best_ms = known->second.at("best_ms");
      result.candidates = known->second.at("candidates");
    }
    end_notes();
    untuned.add(result.best_ms / result.untuned_ms, name);
    tuned.add(result.best_ms / result.tuned_ms, name);
    if (options.json)
      print_json_line(known == kept.end() ? result.json() : known->second);
    else
      fmt::print("{:<44} {:>7} {:>10.4f} {:>10.4f} {:>10.4f} {:>8.2f} {:>8.2f}\n", name,
                 result.candidates, result.untuned_ms, result.tuned_ms, result.best_ms,
                 result.best_ms / result.untuned_ms, result.best_ms / result.tuned_ms);
    std::fflush(stdout);
  }
  if (options.json)
    print_json_line({{"suite", "regret"},
                     {"cases", plan.size()},
                     {"untuned_over_best", untuned.value()},
                     {"tuned_over_best", tuned.value()}});
  else if (!plan.empty())
    fmt::print("\nbest over untuned time: {}\nbest over tuned time:   {}\n", untuned.text(),
               tuned.text());
  return true;
}

}  // namespace tenon::bench
