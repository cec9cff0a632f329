// tenon-fuzz: random graphs times random legal schedules. All schedules of a kernel must give the
// bits of its naive nest, and the naive nests must agree with the interpreter. README.md of the
// tests says how to use it.
#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "check.h"
#include "codegen/cpu_info.h"
#include "core/error.h"
#include "graphs.h"
#include "schedules.h"
#include "shrink.h"
#include "tuner/pick.h"

namespace {

using namespace tenon;
using namespace tenon::fuzz;

constexpr int schedules_of_kernel = 2;   // beside the pick
constexpr std::size_t most_kernels = 4;  // of a graph that are scheduled

struct Totals {
  int graphs = 0, large = 0, schedules = 0, declined = 0;
  std::int64_t compared = 0, unbounded = 0;
  Coverage coverage;
};

Isa random_isa(Random& random) {
  std::vector<Isa> isas{Isa::avx512, Isa::avx2, Isa::fma128};
  std::erase_if(isas, [](Isa isa) { return isa < widest_isa(); });
  return random.of(isas);
}

struct Failure {
  Case failing;
  std::string wrong;
};

// One graph and its schedules.
std::optional<Failure> run_seed(std::uint64_t seed, Totals& totals) {
  static const CpuInfo cpu = read_cpu_info();
  Random random(seed);
  const bool is_large = random.chance(25);
  const std::string graph = is_large ? large_graph(random) : random_graph(random);
  ++totals.graphs;
  totals.large += is_large;
  const Isa naive_isa = random_isa(random);
  const Case whole{graph, -1, naive_isa, 1, ""};
  std::optional<Subject> made;
  try {
    made.emplace(graph);
  } catch (const InternalError& thrown) {
    return Failure{whole, thrown.what()};
  }
  Subject& subject = *made;
  if (auto wrong = subject.run_naive(naive_isa); !wrong.empty()) return Failure{whole, wrong};
  for (std::size_t k = 0; k < std::min(subject.kernels().size(), most_kernels); ++k) {
    const Kernel& kernel = subject.kernels()[k];
    for (int s = 0; s <= (is_large ? 1 : schedules_of_kernel); ++s) {
      const Isa isa = random_isa(random);
      const int threads = is_large || random.chance(50) ? 2 : 1;
      Case c{graph, static_cast<int>(k), isa, threads, ""};
      Schedule schedule;
      try {
        if (s == 0)
          schedule = pick(kernel, cpu, isa, threads);
        else
          random_schedule(kernel, random, totals.coverage, schedule);
        c.moves = print(schedule);
        ++totals.schedules;
        if (auto wrong = subject.run(c.kernel, schedule, isa, threads); !wrong.empty())
          return Failure{c, wrong};
      } catch (const std::exception& thrown) {
        c.moves = print(schedule);
        return Failure{c, thrown.what()};
      }
    }
  }
  totals.declined += subject.declined;
  totals.compared += subject.compared;
  totals.unbounded += subject.unbounded;
  return {};
}

void print_coverage(const Totals& totals) {
  fmt::print(
      "{} graphs, {} of them large; {} schedules, {} beyond code generation; {} elements "
      "beside the interpreter, {} without a bound\n",
      totals.graphs, totals.large, totals.schedules, totals.declined, totals.compared,
      totals.unbounded);
  fmt::print("{:<28} {:>9} {:>7}\n", "move", "proposed", "legal");
  for (const auto& [kind, tally] : totals.coverage)
    fmt::print("{:<28} {:>9} {:>7}\n", kind, tally.proposed, tally.legal);
}

int report(const Failure& failure, const std::string& keep) {
  const Case small = shrink(failure.failing);
  fmt::print("{}\nshrunk: {}\n", failure.wrong, print(small));
  if (!keep.empty()) std::ofstream(keep, std::ios::app) << print(small) << '\n';
  return 1;
}

// Lines of a file; `#` begins a comment line.
int replay_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("cannot read {}", path);
  int failures = 0, number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::string wrong = check_case(parse_case(line));
    if (wrong.empty()) continue;
    ++failures;
    fmt::print("{}:{}: {}\n", path, number, wrong);
  }
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Runs random graphs under random schedules and compares bits.", "tenon-fuzz");
  std::uint64_t seeds = 300, first = 1;
  std::string replay, regressions, keep;
  program.add_option("--seeds", seeds, "how many graphs (default: 300)");
  program.add_option("--first", first, "the first seed (default: 1)");
  program.add_option("--replay", replay, "check one case, as a failure is printed");
  program.add_option("--regressions", regressions, "check the cases of this file first");
  program.add_option("--keep", keep, "append shrunk failures to this file");
  CLI11_PARSE(program, argc, argv);
  try {
    if (!replay.empty()) {
      const std::string wrong = check_case(parse_case(replay));
      fmt::print("{}\n", wrong.empty() ? "right" : wrong);
      return wrong.empty() ? 0 : 1;
    }
    int failures = regressions.empty() ? 0 : replay_file(regressions);
    Totals totals;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      const auto failure = run_seed(seed, totals);
      if (!failure) continue;
      fmt::print("seed {}: ", seed);
      failures += report(*failure, keep);
      std::fflush(stdout);
    }
    print_coverage(totals);
    return failures ? 1 : 0;
  } catch (const std::exception& mistake) {
    fmt::print(stderr, "tenon-fuzz: {}\n", mistake.what());
    return 2;
  }
}
