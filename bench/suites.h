// The suites of tenon-bench, one file each. Used by main.cpp and regret.cpp. Read next: suite.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/moves_file.h"
#include "tuner/session/session.h"

namespace tenon::bench {

struct Options {
  std::vector<std::string> cases;  // empty: the suite's own
  int threads = 0;                 // 0: as many as the process may run on
  int rounds = 11;
  cli::MovesFile moves;             // empty: Tenon's own schedule
  std::string isa;                  // for Tenon, not for the peers; "": the widest
  std::optional<int> measurements;  // a kernel, to tune each case with; none: nothing is tuned
  bool json = false;
  std::string plot;           // the SVG file to draw; "": none
  std::uint64_t seeds = 100;  // how many graphs the suite cliffs draws
  // Of the suite regret:
  std::uint64_t seed = 1;     // half of the cases and the points are drawn with it
  std::size_t points = 1000;  // that are drawn of a space
  std::string results;        // the file that keeps them; "": beside this program
};

// The suites that compare with peers; run_cases() of suite.h measures them.
struct Suite;
Suite ansor_suite();
Suite attention_suite();
Suite conv_suite();
Suite gemm_suite();
Suite graph_suite();  // cases are graph files
Suite map_suite();
Suite move_suite();
Suite norm_suite();
Suite pool_suite();
Suite reduce_suite();

// The others. Each returns false where a result was wrong. Error: a case that does not exist.
bool run_cliffs(const Options& options);
bool run_lower(const Options& options);  // one thread, without peers
bool run_order(const Options& options);  // one thread, whatever is asked for
bool run_regret(const Options& options);
bool run_start(const Options& options);
bool run_size(const Options& options);

}  // namespace tenon::bench
