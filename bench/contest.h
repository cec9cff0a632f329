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
  std::string name;  // of several with one name the fastest counts: a peer may have two ways
  // Computes `repeats` times; returns the seconds that this took.
  std::function<double(std::int64_t repeats)> seconds;
  // Where the result of the last computation lies. Written over with NaN before the first.
  std::function<std::span<float>()> result;
};
// The contestant that calls `run`, which returns when its result is in the buffer. Keeps both.
Contestant contestant(std::string name, std::function<void()> run, const BufferRef& result);
std::span<float> floats(const BufferRef& buffer);  // all of it

// What is right: the value of an element, computed in double, and by how much f32 may miss it.
struct Expected {
  std::function<double(std::int64_t element)> value;
  std::function<double(std::int64_t element, double value)> tolerance;
};

// What a case takes from the machine at least.
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

// Every contestant gets a turn in each of `rounds` rounds, in rotating order. Before its turn the
// process is left alone until the threads of the others have stopped spinning; the turn begins with
// an untimed part, and its timed batch lasts a millisecond at least. Results are checked before
// and after: 1,000 elements with what is expected, and all elements of each with the first's.
Outcome hold(const Contest& contest, int rounds, const Progress& progress);

}  // namespace tenon::bench
