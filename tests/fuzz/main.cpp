// tenon-fuzz: random graphs times random legal schedules. All schedules of a kernel must give the
// bits of its naive nest, and the naive nests must agree with the interpreter. README.md of the
// tests says how to use it.
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "check.h"
#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "graphs.h"
#include "isolated.h"
#include "schedules.h"
#include "sessions.h"
#include "shrink.h"
#include "tuner/search/candidates.h"

namespace {

using namespace tenon;
using namespace tenon::fuzz;

constexpr int schedules_of_kernel = 2;   // beside the untuned one
constexpr std::size_t most_kernels = 4;  // of a graph, that are scheduled

constexpr unsigned most_seconds = 120;  // for a seed

// A hash of each seed's results (Subject::bits), by seed. It is the same for every schedule,
// instruction set and number of threads, and must not change from one version of Tenon to the next.
using Bits = std::map<std::uint64_t, std::string>;

// How many schedules a seed has, and whether each runs in every way there is.
struct Effort {
  int schedules = schedules_of_kernel;
  bool every_way = false;  // on each instruction set, with one thread and two; else on a random one
};

struct Totals {
  int graphs = 0, large = 0, schedules = 0, declined = 0;
  Bits bits;
  std::int64_t compared = 0, unbounded = 0;
  Coverage coverage;
};

std::vector<Isa> isas() {
  std::vector<Isa> all{Isa::avx512, Isa::avx2, Isa::fma128};
  std::erase_if(all, [](Isa isa) { return isa < widest_isa(); });
  return all;
}

struct Failure {
  Case failing;
  std::string wrong;
  bool shrinks = true;  // the case alone shows what is wrong
};

// The graph of a seed and its schedules, run in a child process. It writes a line `case ..` before
// each run, and at the end its counts, or `wrong` and the reason.
class Seed {
 public:
  Seed(std::uint64_t seed, const Effort& effort, std::FILE* out)
      : random_(seed), effort_(effort), out_(out) {}

  void run() {
    const bool is_large = random_.chance(25);
    case_.graph = is_large ? large_graph(random_) : random_graph(random_);
    case_.isa = random_.of(isas());
    announce();
    try {
      Subject subject(case_.graph);
      if (auto wrong = subject.run_naive(case_.isa); !wrong.empty()) return fail_with(wrong);
      for (std::size_t k = 0; k < std::min(subject.kernels().size(), most_kernels); ++k)
        for (int s = 0; s <= (is_large && !effort_.every_way ? 1 : effort_.schedules); ++s)
          if (!run_schedule(subject, static_cast<int>(k), s == 0)) return;
      fmt::print(out_, "bits {:016x}\n", subject.bits());
      fmt::print(out_, "count {} {} {} {} {}\n", is_large ? 1 : 0, schedules_, subject.declined,
                 subject.compared, subject.unbounded);
    } catch (const InternalError& thrown) {
      return fail_with(thrown.what());
    } catch (const Error&) {  // not a valid graph, such as a maximum of no elements
      return;
    }
    for (const auto& [kind, tally] : coverage_)
      fmt::print(out_, "tally {} {} {}\n", tally.proposed, tally.legal, kind);
  }

 private:
  bool run_schedule(Subject& subject, int number, bool is_untuned) {
    static const Machine this_one = this_machine();
    Machine machine = this_one;
    const Kernel& kernel = subject.kernels()[static_cast<std::size_t>(number)];
    case_.kernel = number;
    case_.isa = random_.of(isas());
    machine.threads = case_.threads = random_.chance(50) ? 2 : 1;
    Schedule schedule;
    std::string wrong;
    try {
      if (is_untuned)
        schedule = untuned(Space{kernel, target(case_.isa), machine}).moves;
      else
        random_schedule(kernel, random_, coverage_, schedule);
      case_.moves = print(schedule);
      announce();
      ++schedules_;
      wrong = effort_.every_way ? run_every_way(subject, number, schedule)
                                : subject.run(number, schedule, case_.isa, case_.threads);
    } catch (const std::exception& thrown) {
      case_.moves = print(schedule);
      announce();
      wrong = thrown.what();
    }
    if (!wrong.empty()) fail_with(wrong);
    return wrong.empty();
  }

  std::string run_every_way(Subject& subject, int number, const Schedule& schedule) {
    std::string wrong;
    for (const Isa isa : isas())
      for (int threads = 1; threads <= 2 && wrong.empty(); ++threads) {
        case_.isa = isa;
        case_.threads = threads;
        announce();
        wrong = subject.run(number, schedule, isa, threads);
      }
    return wrong;
  }

  void announce() {
    fmt::print(out_, "case {}\n", print(case_));
    std::fflush(out_);
  }
  void fail_with(const std::string& wrong) { fmt::print(out_, "wrong\n{}", wrong); }

  Random random_;
  const Effort effort_;
  std::FILE* out_;
  Case case_;
  int schedules_ = 0;
  Coverage coverage_;
};

std::optional<Failure> run_seed(std::uint64_t seed, const Effort& effort, const Bits& expected,
                                Totals& totals) {
  const Ending ending =
      isolated([&](std::FILE* out) { Seed(seed, effort, out).run(); }, most_seconds);
  Failure failure{{}, ending.crash};
  std::istringstream lines(ending.output);
  ++totals.graphs;
  for (std::string word; lines >> word;) {
    std::string rest;
    if (word == "case") {
      std::getline(lines >> std::ws, rest);
      failure.failing = parse_case(rest);
    } else if (word == "count") {
      int large = 0, schedules = 0, declined = 0;
      std::int64_t compared = 0, unbounded = 0;
      lines >> large >> schedules >> declined >> compared >> unbounded;
      totals.large += large;
      totals.schedules += schedules;
      totals.declined += declined;
      totals.compared += compared;
      totals.unbounded += unbounded;
    } else if (word == "tally") {
      Tally tally;
      lines >> tally.proposed >> tally.legal >> std::ws;
      std::getline(lines, rest);
      totals.coverage[rest].proposed += tally.proposed;
      totals.coverage[rest].legal += tally.legal;
    } else if (word == "bits") {
      lines >> totals.bits[seed];
      const auto known = expected.find(seed);
      if (known == expected.end() || known->second == totals.bits[seed]) continue;
      failure.wrong = "the results are not those of earlier versions";
      failure.shrinks = false;
    } else {
      failure.wrong = ending.output.substr(static_cast<std::size_t>(lines.tellg()) + 1);
      break;
    }
  }
  if (failure.wrong.empty()) return {};
  return failure;
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

int report(const Failure& failure, const std::string& keep, bool as_it_is) {
  if (as_it_is) {
    fmt::print("{}\nfound: {}\n", failure.wrong, print(failure.failing));
    return 1;
  }
  const Case small = shrink(failure.failing);
  fmt::print("{}\nshrunk: {}\n", failure.wrong, print(small));
  if (!keep.empty()) std::ofstream(keep, std::ios::app) << print(small) << '\n';
  return 1;
}

// Reads lines of a seed and the hash of its results.
Bits read_bits(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("cannot read {}", path);
  Bits bits;
  std::uint64_t seed = 0;
  while (file >> seed) file >> bits[seed];
  return bits;
}

void write_bits(const std::string& path, const Bits& bits) {
  std::ofstream file(path);
  for (const auto& [seed, hash] : bits) file << seed << ' ' << hash << '\n';
  if (!file) fail("cannot write {}", path);
}

// Checks a line that is a case or a program of sessions.
std::string check_line(const std::string& line) {
  SessionCounts counts;
  return line.starts_with("session ") ? check_isolated_session(line, counts)
                                      : check_case(parse_case(line));
}

// Checks the lines of a file and returns how many fail. A line that begins with `#` is a comment.
int replay_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("cannot read {}", path);
  int failures = 0, number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::string wrong = check_line(line);
    if (wrong.empty()) continue;
    ++failures;
    fmt::print("{}:{}: {}\n", path, number, wrong);
  }
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Runs random graphs under random schedules and compares bits.", "tenon-fuzz");
  std::uint64_t seeds = 300, first = 1, sessions = 0;
  std::string replay, regressions, keep, bits, new_bits;
  bool until_failure = false;
  Effort effort;
  program.add_option("--seeds", seeds, "how many graphs (default: 300)");
  program.add_option("--first", first, "the first seed (default: 1)");
  program.add_option("--sessions", sessions, "how many programs of sessions (default: 0)");
  program.add_option("--replay", replay, "check one case, as a failure is printed");
  program.add_option("--regressions", regressions, "check the cases of this file first");
  program.add_option("--keep", keep, "append shrunk failures to this file");
  program.add_option("--bits", bits, "compare each seed's results with the hashes in this file");
  program.add_option("--write-bits", new_bits, "write the hashes of the results to this file");
  program.add_option("--schedules", effort.schedules, "random ones of a kernel (default: 2)");
  program.add_flag("--every-way", effort.every_way,
                   "run each schedule on every instruction set, on one thread and on two");
  program.add_flag("--until-failure", until_failure, "stop at the first, and do not shrink it");
  CLI11_PARSE(program, argc, argv);
  try {
    if (!replay.empty()) {
      const std::string wrong = check_line(replay);
      fmt::print("{}\n", wrong.empty() ? "right" : wrong);
      return wrong.empty() ? 0 : 1;
    }
    int failures = regressions.empty() ? 0 : replay_file(regressions);
    const Bits expected = bits.empty() ? Bits{} : read_bits(bits);
    Totals totals;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      const auto failure = run_seed(seed, effort, expected, totals);
      if (!failure) continue;
      fmt::print("seed {}: ", seed);
      failures += report(*failure, keep, until_failure || !failure->shrinks);
      std::fflush(stdout);
      if (until_failure) break;
    }
    if (seeds > 0) print_coverage(totals);
    if (!new_bits.empty()) write_bits(new_bits, totals.bits);
    if (sessions > 0) failures += fuzz_sessions(first, sessions, keep, until_failure);
    return failures ? 1 : 0;
  } catch (const std::exception& mistake) {
    fmt::print(stderr, "tenon-fuzz: {}\n", mistake.what());
    return 2;
  }
}
