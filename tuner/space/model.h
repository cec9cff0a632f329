// The model: how long a skeleton takes, from its loops and stages alone. The model ranks points;
// what runs is measured. Every term is a number of cycles. The time is the largest term, the limit,
// and a share of the others.
// Source: the usual analysis of tiled loops (Low, Igual, Smith, Quintana-Orti, 2016, for products),
// with the footprint of each loop held against each cache.
//
// Read next: model.cpp (computing, copying, threads), model_memory.cpp (caches), core_table.h (the
// constants).
#pragma once

#include <string_view>
#include <vector>

#include "codegen/backend.h"
#include "tuner/space/skeleton.h"

namespace tenon {

struct Cost {
  double ns;
  std::string_view limit;  // "fma", "loads", "chain", "issue", "packing", "L2", "L3", "memory",
                           // "pages"
};

// Takes some microseconds.
Cost cost(const Skeleton& skeleton, const Target& target, const Machine& machine);

// The least time in which a kernel could do what its facts say: the larger of its operations at the
// rate of FMAs, and its arguments through memory or the last cache that holds them all. The limit
// is "fma" or the level.
Cost limit_of(const Facts& facts, const Target& target, const Machine& machine);

// A part of the predicted time.
struct Term {
  std::string_view name;  // one of the limits above
  double cycles;
};
// The terms "L2", "L3", "memory" and "pages": the cycles in which lines come from a level, because
// the data do not fit into the level before. cost() calls it.
std::vector<Term> memory_terms(const Skeleton& skeleton, const Machine& machine);

}  // namespace tenon
