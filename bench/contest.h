// A contest: several computations of the same results take turns in one process, each is checked,
// and the machine's own limits are measured between them. Used by every suite that compares with
// peers (suites.h). Read next: contest.cpp for how a turn is measured, oracle/expected.h, peers.h,
// report.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "core/device.h"
#include "oracle/expected.h"

namespace tenon::bench {

struct Contestant {
  std::string name;  // a peer with two ways has two contestants of one name; the faster counts
  // Computes `repeats` times; returns the seconds that this took.
  std::function<double(std::int64_t repeats)> seconds;
  // Where the results of the last computation lie. Filled with NaN before the first.
  std::function<std::vector<BufferRef>()> results;
};
// The contestant that calls `run`, which returns when its results are in the buffers. Keeps both.
Contestant contestant(std::string name, std::function<void()> run, std::vector<BufferRef> results);
// The same for one result.
Contestant contestant(std::string name, std::function<void()> run, const BufferRef& result);

struct Contest {
  std::vector<Contestant> contestants;  // the first is Tenon's
  std::vector<Expected> expected;       // one a result
  Limit limit;
};

struct Timing {
  std::string name;
  double best_ms, median_ms;  // of one computation
};
struct Outcome {
  std::vector<Timing> timings;       // one per name, in the contest's order
  Rates rates;                       // the best sample of each
  std::optional<std::string> wrong;  // a result is wrong: whose and where; no timing may be used
};

// Called as each round begins.
using Progress = std::function<void(int round)>;

// Every contestant gets a turn in each of `rounds` rounds, in rotating order. A turn begins after
// the threads of the others have stopped spinning. Its first part is not timed; the timed batch
// lasts at least a millisecond. Results are checked before and after all rounds: 1,000 elements
// against `expected`, and all elements of each contestant against those of the first.
Outcome hold(Contest& contest, int rounds, const Progress& progress);

}  // namespace tenon::bench
