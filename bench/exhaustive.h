// The fastest schedule of a kernel that hours of measuring find, to tell how far the model and a
// short search are from it. Used by regret.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tuner/search/worker.h"

namespace tenon::bench {

struct ExhaustiveOptions {
  std::size_t points = 1000;  // drawn
  int measurements = 16;      // of the short search
  std::uint64_t seed = 1;
  std::function<void(int measured, double best_ns)> progress = {};
};

struct Exhausted {
  double untuned_ns, tuned_ns, best_ns;  // measured by turns, after everything else
  int measured = 0;                      // schedules
  std::string point;                     // of the best
};

// An exhaustive search and a short one (tuner/search/search.h). The ten fastest schedules, the
// untuned one and the winner of the short search are then measured again by turns. Error: the
// untuned schedule cannot be measured.
Exhausted exhaust(const Space& space, const Job& job, const ExhaustiveOptions& options);

}  // namespace tenon::bench
