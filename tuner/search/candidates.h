// Candidates: the schedules of a kernel that the model ranks first. Used by the search, which
// measures them, by the kernel store for kernels that nobody has tuned, and by `tenon explain`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tuner/space/turns.h"

namespace tenon {

// The schedule that a kernel runs on if nobody has tuned it. In every turn it takes the sketch's
// rule of thumb, or the fastest point that descents from the seeds find if its predicted time is
// well below the rule's (candidates.cpp has the bounds).
Candidate untuned(const Space& space);

// At most `count` candidates, the one with the least predicted time first. Each changes the untuned
// point of one turn, and the later turns take what untuned() takes after that; one more takes the
// fastest point in every turn. The points come from descents that begin at the seeds and at points
// drawn with `seed`; the same seed gives the same candidates. Of points that differ in one knob
// only, the fastest is kept.
std::vector<Candidate> leaders(const Space& space, std::size_t count, std::uint64_t seed);

// At most `count` different candidates whose points are drawn with `seed`, with no regard to what
// the model predicts.
std::vector<Candidate> drawn(const Space& space, std::size_t count, std::uint64_t seed);

// The candidates that differ from `point` in one knob, by one step up or down its values, the one
// with the least predicted time first.
std::vector<Candidate> neighbours(const Space& space, const std::string& point);

// The candidate with this point, or the one nearest to it: the point may be of a kernel with other
// lengths, whose knobs have other values. Turns that have another sketch than the text says take
// what untuned() takes.
Candidate candidate_of(const Space& space, const std::string& point);

}  // namespace tenon
