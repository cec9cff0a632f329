// Moves that are written in the canonical names of a nest, in the names of the graph at hand
// (lower/names.h). Used by explain.cpp.
#pragma once

#include "lower/names.h"
#include "lower/schedule.h"

namespace tenon::cli {

// The moves, which apply to a nest, as they apply to the renamed nest.
Schedule renamed(Schedule schedule, const Names& names);

}  // namespace tenon::cli
