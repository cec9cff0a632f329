// Blocked inputs: a weight matrix that a product reads in every run is worth a copy that the
// product's vectors read from end to end. The copy of an input w[k,n] in blocks of 16 along n is
//
//   copy[n / 16, k, n mod 16] = w[k, n]
//
// Behind the end of n the copy holds zeros. A kernel that reads the copy computes the same bits as
// one that reads the input, because the canonical order is that of the input's graph. Used by
// input_parts.cpp, and by the session, which makes the copies and keeps them.
#pragma once

#include "core/node.h"
#include "lower/fusion.h"
#include "lower/target.h"

namespace tenon {

// A smaller input stays in a cache.
constexpr std::int64_t worth_keeping = 1 << 18;  // bytes

// The blocks of the input for which a copy pays, if there is one: a leaf of `least` bytes and more,
// of which a product reads each element for several rows. The blocks lie along the last axis of the
// product's result, and are as wide as a tile in the registers (Target::most_beside).
std::optional<Blocks> worth_blocking(const KernelGraph& kernel, const Target& target,
                                     std::int64_t least = worth_keeping);

Shape blocked_shape(const Shape& input, const Blocks& blocks);
// The subscripts in the copy of the element `at` of the input.
std::vector<Index> in_blocks(const Blocks& blocks, const std::vector<Index>& at,
                             const VarBounds& bounds);
// The View of the input that makes the copy.
View view_in_blocks(const Shape& input, const Blocks& blocks);

}  // namespace tenon
