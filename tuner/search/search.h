// The search: measures the candidates of a kernel and returns them with the winner. It knows no
// machine: a Meter builds, checks and times schedules, and worker.h has the Meter that does this in
// a process of its own. Tests script a Meter.
//
// The schedule that is in use comes first. Another one wins only if a comparison by turns finds it
// faster by more than 2% and by more than the noise.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tuner/search/candidates.h"

namespace tenon {

constexpr int timing_batches = 5;  // behind a time

// How much longer `second` takes than `first`, and how far equal runs differ.
struct Comparison {
  double ratio;  // of the time of `second` to that of `first`: the median of the turns
  double noise;  // of ratios that should be 1
};

// Builds, checks and times schedules of one kernel. A schedule goes by its number, which prepare()
// gives it.
struct Meter {
  // Builds the schedule and runs it. Returns nothing if its results are those of number 0, bit for
  // bit, or else why the schedule is rejected.
  std::function<std::optional<std::string>(int number, const std::string& moves)> prepare;
  std::function<std::optional<double>(int number)> time;  // ns; nothing: it crashed or hangs
  std::function<std::optional<Comparison>(int first, int second)> compare;
};

struct Tried {
  Candidate candidate;
  double measured_ns = 0;   // 0: not measured
  std::string reason = {};  // of a rejected one
};
struct Found {
  std::vector<Tried> tried;  // the schedule in use first, then `known`, then as measured
  std::size_t winner = 0;    // its place in `tried`
  double gain = 1;           // the time of the schedule in use over the winner's, in turns
};

struct SearchOptions {
  int measurements = 16;
  double seconds = 2;  // for a kernel; after them only the winner is chosen, by turns
  std::uint64_t seed = 1;
  // Goes on where earlier searches ended: what they measured is not measured again, but counts.
  bool resume = false;
  // Above 0, the search is exhaustive: it measures so many drawn points and a tenth as many that
  // the model ranks first, and walks from the five fastest until no neighbour is faster. Such a
  // search knows no limits of measurements and of seconds.
  std::size_t drawn_points = 0;
  std::function<void(const Found&)> progress = {};  // after each measurement
  std::function<bool()> stop = {};                  // ends the search early, with what was found
};

// `first` holds the schedule that is in use, then others to measure before the leaders. `known` was
// measured before, or rejected. If the schedule in use cannot be measured, it is all that was
// tried, with the reason.
Found search(std::span<const Candidate> first, std::span<const Tried> known, const Space& space,
             const Meter& meter, const SearchOptions& options);

}  // namespace tenon
