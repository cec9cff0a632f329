// The suite cliffs: a fuzzer of speed. It draws graphs of one to four operations, runs them without
// tuning, and prints which share of the machine's limit they reach, with the graphs of the worst. A
// case is the seed of one graph.
#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/drawn_graph.h"
#include "bench/graph.h"
#include "bench/report.h"
#include "bench/suites.h"
#include "core/error.h"

namespace tenon::bench {
namespace {

constexpr std::size_t shown = 10;  // of the worst

struct Cliff {
  std::uint64_t seed;
  std::string text;
  GraphTime time;
};

std::uint64_t seed_of(const std::string& name) {
  std::uint64_t seed = 0;
  const char* const end = name.data() + name.size();
  if (std::from_chars(name.data(), end, seed).ptr != end)
    fail("cliffs: case {}: write the seed of a graph, as in --case 17", name);
  return seed;
}

void show(const Cliff& cliff) {
  fmt::print("seed {}: share {:.3f}, {:.3f} ms of {:.3f} ms at least, {} kernels\n", cliff.seed,
             cliff.time.share(), cliff.time.ms, cliff.time.limit_ms, cliff.time.kernels);
  for (std::size_t begin = 0; begin < cliff.text.size();) {
    const std::size_t end = cliff.text.find('\n', begin);
    fmt::print("  {}\n", cliff.text.substr(begin, end - begin));
    begin = end + 1;
  }
}

void show_json(const Cliff& cliff, int threads) {
  auto line = json_of(cliff.time, "cliffs", std::to_string(cliff.seed), threads);
  line["graph"] = cliff.text;
  print_json_line(line);
}

}  // namespace

bool run_cliffs(const Options& options) {
  const WorkBounds bounds{1e6, 200e6, 0.1e9, 10e9};
  std::vector<std::uint64_t> seeds;
  for (const std::string& name : options.cases) seeds.push_back(seed_of(name));
  for (std::uint64_t seed = 1; options.cases.empty() && seed <= options.seeds; ++seed)
    seeds.push_back(seed);
  std::vector<Cliff> cliffs;
  for (const std::uint64_t seed : seeds) {
    note(fmt::format("cliffs: seed {}, {} of {} measured", seed, cliffs.size(), seeds.size()));
    Session session({.threads = options.threads, .isa = options.isa, .cache = "", .keeps = {}});
    const std::string text = drawn_graph(seed);
    const GraphTime time = time_graph(session, text, fmt::format("seed {}", seed), bounds);
    if (time.ms == 0) continue;  // too small, or too large
    cliffs.push_back({seed, text, time});
    if (options.json) show_json(cliffs.back(), session.threads());
  }
  end_notes();
  if (options.json || cliffs.empty()) return true;
  std::ranges::sort(cliffs, {}, [](const Cliff& cliff) { return cliff.time.share(); });
  for (std::size_t i = 0; i < std::min(shown, cliffs.size()); ++i) show(cliffs[i]);
  const auto at = [&](std::size_t percent) {
    return cliffs[cliffs.size() * percent / 100].time.share();
  };
  fmt::print(
      "share of the limit, {} graphs: worst {:.2f}, tenth percentile {:.2f}, median {:.2f}\n",
      cliffs.size(), at(0), at(10), at(50));
  return true;
}

}  // namespace tenon::bench
