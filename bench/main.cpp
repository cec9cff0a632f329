// tenon-bench: measures Tenon beside its peers. `./dev bench` builds and runs it; README.md says
// how it measures. Read next: suites.h.

#include <cstdio>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "bench/peers.h"
#include "bench/report.h"
#include "bench/suite.h"
#include "cli/files.h"
#include "cli/moves_file.h"
#include "core/error.h"

namespace {

using namespace tenon::bench;

struct Command {
  const char* name;
  const char* description;
  const char* example;
  bool (*run)(const Options&);
};

// The command of a suite that compares with peers.
template <Suite (*suite)()>
bool compare(const Options& options) {
  return run_cases(suite(), options);
}

constexpr Command commands[] = {
    {"ansor", "the operators by which TVM's tuner was judged", "ansor --case GMM:512,32,512",
     compare<ansor_suite>},
    {"attention", "softmax(q kT) v for every head", "attention --case 1,12,128,128,64",
     compare<attention_suite>},
    {"cliffs", "graphs drawn at random, to find slow ones", "cliffs --seeds 500", run_cliffs},
    {"conv", "convolutions of images", "conv --case 1,64,56,56,64,3,3,1,1,1,1 --tune",
     compare<conv_suite>},
    {"gemm", "products of two matrices", "gemm --case 1000x777x333:nt --threads 1",
     compare<gemm_suite>},
    {"graph", "graphs from files", "graph --case examples/matmul.tenon", compare<graph_suite>},
    {"lower", "what making, scheduling and finishing a nest costs", "lower --case matmul:512",
     run_lower},
    {"map", "element-wise chains", "map --case affine_relu:1048576 --json", compare<map_suite>},
    {"move", "transpose, permute, concat, pad and gather", "move --case transpose:4096x4096",
     compare<move_suite>},
    {"norm", "softmax and layernorm over rows", "norm --case softmax:512x32000",
     compare<norm_suite>},
    {"order", "what the canonical order costs", "order --case sum:100000000", run_order},
    {"pool", "maxima and means of windows", "pool --case max:1,64,112,112,3,2,1",
     compare<pool_suite>},
    {"reduce", "sums, maxima and means over axes", "reduce --case sum:4096x1024:1 --plot sums.svg",
     compare<reduce_suite>},
    {"regret", "how far schedules are from the best of an exhaustive search",
     "regret --case gemm/512 --points 100", run_regret},
    {"start", "fresh processes to their first result", "start --case matmul_256", run_start},
    {"size", "lines of code and sizes of programs", "size --json", run_size},
};

int report(std::string_view message, int code) {
  std::string line(message);
  for (char& letter : line) {
    if (letter == '\n') letter = ' ';
  }
  fmt::print(stderr, "tenon-bench: {}\n", line);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_peers(argv);
  CLI::App program("Measures Tenon beside OpenBLAS and oneDNN, in turns, in this process.",
                   "tenon-bench");
  program.require_subcommand(1);
  Options options;
  std::string moves;
  bool all_right = true;
  for (const Command& suite : commands) {
    CLI::App& command = *program.add_subcommand(suite.name, suite.description);
    command.add_option("--case", options.cases, "a case, in place of the suite's own; repeatable");
    command.add_option("--threads", options.threads, "how many threads run (default: all)")
        ->check(CLI::Range(1, 1024));
    command.add_option("--rounds", options.rounds, "turns that each gets (default: 11)")
        ->check(CLI::Range(10, 10'000));
    command.add_option("--moves", moves,
                       "schedule the kernel by hand, with the moves of this file");
    command.add_option("--isa", options.isa, "avx512, avx2 or fma128: no wider vectors for Tenon")
        ->check(CLI::IsMember({"avx512", "avx2", "fma128"}));
    command
        .add_option("--tune", options.measurements,
                    "also tunes each case, with this many measurements of a kernel (default: 16)")
        ->expected(0, 1)
        ->default_str("16")
        ->check(CLI::Range(1, 100'000));
    command.add_option("--plot", options.plot,
                       "draws the cases and the machine's roofline to this SVG file");
    if (suite.run == run_cliffs)
      command.add_option("--seeds", options.seeds, "how many graphs are drawn (default: 100)");
    if (suite.run == run_regret) {
      command.add_option("--seed", options.seed,
                         "draws half of the cases, and points (default: 1)");
      command
          .add_option("--points", options.points,
                      "how many points of a space are measured (default: 1000)")
          ->check(CLI::Range(1, 1'000'000));
      command.add_option("--results", options.results,
                         "keeps results in this file, and goes on with it (default: regret.jsonl "
                         "beside the program)");
    }
    command.add_flag("--json", options.json, "an object a line");
    command.footer(fmt::format("Example:\n  ./dev bench {}", suite.example));
    command.callback([&] {
      if (!moves.empty()) {
        options.moves = tenon::cli::parse_moves(tenon::cli::read_file(moves), moves);
      }
      warn_of_load();
      warn_of_missing_peers();
      all_right = suite.run(options);
    });
  }
  try {
    program.parse(argc, argv);
    return all_right ? 0 : 1;
  } catch (const CLI::Success& help) {  // --help, which CLI11 throws
    return program.exit(help);
  } catch (const CLI::ParseError& mistake) {
    return report(fmt::format("{}; see tenon-bench --help", mistake.what()), 2);
  } catch (const tenon::Error& mistake) {
    return report(mistake.what(), 2);
  } catch (const std::exception& failure) {
    return report(failure.what(), 1);
  }
}
