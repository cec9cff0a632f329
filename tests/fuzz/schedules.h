// Random schedules that are legal for a kernel.
#pragma once

#include <map>
#include <string>

#include "lower/moves.h"
#include "random.h"

namespace tenon::fuzz {

// How often each kind of move was proposed, and how often it was legal.
struct Tally {
  int proposed = 0, legal = 0;
};
using Coverage = std::map<std::string, Tally>;

// Appends legal moves. An exception leaves the move that threw as the last one.
void random_schedule(const Kernel& kernel, Random& random, Coverage& coverage, Schedule& schedule);

}  // namespace tenon::fuzz
