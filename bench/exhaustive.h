// The fastest schedule of a kernel that hours of measuring find, to tell how far the model and a
// short search are from it. Used by regret.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tuner/search/search.h"

namespace tenon::bench {

struct ExhaustiveOptions {
  std::size_t points = 1000;  // drawn, or all if the space has no more
  int measurements = 16;      // of the short search
  std::uint64_t seed = 1;
  std::function<void(int measured, double best_ns)> progress = {};
};

struct Exhausted {
  double untuned_ns, tuned_ns, best_ns;  // measured by turns, after everything else
  int measured = 0;                      // schedules
  std::string point;                     // of the best
};

// Measures the points of the space and the model's favourites, a tenth as many. From the five
// fastest it walks to neighbours that differ in one knob, as long as one is faster. The ten
// fastest, the untuned schedule and the winner of a search with few measurements are then measured
// again by turns. Error: the untuned schedule cannot be measured.
Exhausted exhaust(const Space& space, const Meter& meter, const ExhaustiveOptions& options);

}  // namespace tenon::bench
