// The model: how long a skeleton takes, from its loops and stages alone. The model ranks points;
// what runs is measured. Every term is a number of cycles. The time is the largest term, the limit,
// and a fifth of the others.
// Source: the usual analysis of tiled loops (Low, Igual, Smith, Quintana-Orti, 2016, for products),
// with the footprint of each loop held against each cache.
//
// Read next: model.cpp, in the order of the terms below.
#pragma once

#include <string_view>

#include "codegen/backend.h"
#include "tuner/space/skeleton.h"

namespace tenon {

struct Cost {
  double ns;
  std::string_view limit;  // "fma", "loads", "chain", "issue", "packing", "L2", "L3", "memory",
                           // "pages"
};

// Takes some microseconds.
Cost cost(const Skeleton& skeleton, const Facts& facts, const Target& target,
          const Machine& machine);

}  // namespace tenon
