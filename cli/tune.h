// `tenon tune FILE`: searches for the fastest schedules of a graph's kernels, and keeps them in the
// cache. Needs no values for the inputs: the worker draws them.
#pragma once

#include <cstdint>

#include "cli/run.h"

namespace tenon::cli {

struct TuneOptions : GraphOptions {
  double seconds;  // for a kernel
  int measurements;
  std::uint64_t seed;
  bool resume, exhaustive, verify, calibrate;
};

// Shows its progress on stderr, and a line for each kernel on stdout. Ctrl-C ends the search of the
// kernel at hand; what was found is kept. With `calibrate`, the model is fitted afterwards to all
// that was measured on this machine (calibration.h), and the graph may be left out.
void tune(const TuneOptions& options);

}  // namespace tenon::cli
