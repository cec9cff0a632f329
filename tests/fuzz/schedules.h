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

Schedule random_schedule(const Kernel& kernel, Random& random, Coverage& coverage);

}  // namespace tenon::fuzz
