// Candidates: the schedules of a kernel that the model ranks first. Used by the search, which
// measures them, and by `tenon explain`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuner/space/sketch.h"

namespace tenon {

struct Candidate {
  std::string point = {};  // text() of its sketch and point; empty: a pick, which has none
  Schedule moves = {};
  double predicted_ns = 0;  // 0: unknown
  std::string limit = {};   // what the model says limits it
};

// The schedule that a kernel runs on if nobody has tuned it: the sketch's rule of thumb, or the
// fastest point that descents from the seeds find if its predicted time is well below the rule's
// (candidates.cpp has the bounds). The pick if no sketch fits.
Candidate untuned(const Kernel& naive, const Target& target, const Machine& machine);

// At most `count` candidates of all sketches, the one with the least predicted time first. They
// come from descents that begin at the seeds and at points drawn with `seed`; the same seed gives
// the same candidates. Of points that differ in one knob only, the
// fastest is kept.
std::vector<Candidate> leaders(const std::vector<Sketch>& sketches, const Facts& facts,
                               const Backend& backend, std::size_t count, std::uint64_t seed);

// The points that differ from `point` in one knob, by one step up or down its values, the one with
// the least predicted time first. Empty if the text is of none of the sketches.
std::vector<Candidate> neighbours(const std::vector<Sketch>& sketches, const Facts& facts,
                                  const Backend& backend, const std::string& point);

}  // namespace tenon
