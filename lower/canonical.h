// The canonical order: the order in which a Reduce adds up its terms. It is part of the meaning of
// the Reduce, so every schedule on every device gives the same bits. It is a function of the Reduce
// node alone: of its extents and types, and of where the elements of its inputs lie in memory, as
// far as Views show that. It never depends on the device, the threads, the fusion or the schedule.
// lower/naive.cpp writes it as loops.
//
// The terms of one output are visited in the order of these loops, outermost first:
//
//   groups   if there are more than 1,024 blocks: groups of 1,024 blocks, and groups of groups
//   blocks   rectangles of at most 1,024 terms: whole inner axes, and the next axis cut at a power
//            of two; along the axes outside that one, a block has one index
//   steps    the terms of a block, the last axis fastest
//   strands  64 terms side by side in a row, or one
//
// These are the accumulators. All of them start from the identity; it is 0 for a sum, so no sum is
// -0.
//
//   a block's partial takes the block's terms, step after step. With 64 strands each strand has a
//   partial of its own: strand s takes the terms s, s + 64, s + 128, .. of the innermost reduced
//   axis;
//   a group's partial takes its blocks' partials, left to right, strand by strand;
//   the result is the only block's partial, or takes all blocks' or groups' partials left to right.
//   With strands there are 64 results at that point. They are folded by halving:
//   x[s] += x[s + 32], then 16, 8, 4, 2, 1. A strand without terms is the identity.
//
// A product under a sum is accumulated by fma(a, b, partial). Maxima and integers use the same
// structure, although their result does not depend on it. For example, a sum over [4096] that lies
// in a row has 4 blocks of 16 steps of 64 strands.
//
// A Reduce has 64 strands if three conditions hold; otherwise it has one.
//   1. The innermost reduced axis, that is the last one of more than one element, has at least 64
//      elements.
//   2. The elements of each input that varies along this axis are side by side, so that a vector
//      of terms can be loaded, or the input is a narrow table: neighbouring terms are fewer than 16
//      elements apart, and only elements of kept axes (the same for all such inputs) lie between
//      them. An example is [10^6,3] summed by column. Then strands and kept elements together are
//      one row.
//   3. Fewer than 16 outputs share an element of the largest input. If more share it, vectors of
//      outputs are better than strands, because each output uses the loaded element again.
#pragma once

#include "core/node.h"

namespace tenon {

struct CanonicalOrder {
  // The iterations of each level along each reduced axis: counts[level][axis]. Level 0 is the
  // steps, level 1 the blocks, levels 2 and above the groups. A level that does not move along an
  // axis has the count 1.
  std::vector<std::vector<std::int64_t>> counts;
  // The distance along the axis, in elements, between two iterations: strides[level][axis].
  std::vector<std::vector<std::int64_t>> strides;
  int strands = 1;       // 64 or 1
  int strand_axis = -1;  // the innermost axis, by its position among the reduced axes; -1: none

  int levels() const { return static_cast<int>(counts.size()); }
};

CanonicalOrder canonical_order(const Node& reduce);

// How many outputs share an element of the input, on average and rounded down: the iterations of
// the whole Reduce, divided by the elements of the input that they touch.
std::int64_t sharing(const Node& reduce, const Node& input);

}  // namespace tenon
