// A contest: several computations of the same result take turns in one process, each is checked,
// and the machine's own limit is measured between them. Used by every suite that compares with
// peers (suites.h). Read next: contest.cpp for how a turn is measured, peers.h, report.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"

namespace tenon::bench {

struct Contestant {
  std::string name;  // a peer with two ways has two contestants of one name; the faster counts
  // Computes `repeats` times; returns the seconds that this took.
  std::function<double(std::int64_t repeats)> seconds;
  // Where the result of the last computation lies. Written over with NaN before the first.
  std::function<std::span<float>()> result;
};
// The contestant that calls `run`, which returns when its result is in the buffer. Keeps both.
Contestant contestant(std::string name, std::function<void()> run, const BufferRef& result);
std::span<float> floats(const BufferRef& buffer);  // all of it

// The right result: the value of an element, computed in double, and by how much f32 may miss it.
struct Expected {
  std::function<double(std::int64_t element)> value;
  std::function<double(std::int64_t element, double value)> tolerance;
};

// The least work that a case needs, and how fast the machine can do such work.
struct Limit {
  std::string unit;              // "GFLOP/s", "GB/s"
  double work;                   // operations, or bytes
  std::function<double()> rate;  // one sample of the machine's rate: work a second
};

struct Contest {
  std::vector<Contestant> contestants;  // the first is Tenon's
  Expected expected;
  Limit limit;
};

struct Timing {
  std::string name;
  double best_ms, median_ms;  // of one computation
};
struct Outcome {
  std::vector<Timing> timings;       // one per name, in the contest's order
  double limit_rate;                 // the best sample
  std::optional<std::string> wrong;  // a result is wrong: whose and where; no timing may be used
};

// Called as each round begins.
using Progress = std::function<void(int round)>;

// Every contestant gets a turn in each of `rounds` rounds, in rotating order. A turn begins after
// the threads of the others have stopped spinning. Its first part is not timed; the timed batch
// lasts at least a millisecond. Results are checked before and after all rounds: 1,000 elements
// against `expected`, and all elements of each contestant against those of the first.
Outcome hold(const Contest& contest, int rounds, const Progress& progress);

}  // namespace tenon::bench
