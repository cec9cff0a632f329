// InputPart: the part of an input that a kernel reads. A kernel gets the address where the part
// begins, and its text and its code do not say where that is. So the reads of x[0], x[1], .. by the
// steps of an unrolled loop are one kernel. Used by canonical_text(), naive.cpp and the session's
// plan.
#pragma once

#include "core/node.h"
#include "lower/fusion.h"

namespace tenon {

// The element [i, j, ..] of the part is the element [i + from[0], j + from[1], ..] of the input.
// Both have the same strides. `shape` is the input's shape, except that the outermost axis ends
// where the kernel's reads end. The last `missing` elements of the part may lie behind the input.
// If the kernel reads a copy of the input in blocks, the part is that copy.
struct InputPart {
  std::vector<std::int64_t> from;
  Shape shape;
  std::int64_t offset = 0;   // where the part begins in the input, in elements
  std::int64_t missing = 0;  // elements
  std::optional<Blocks> blocks = {};

  // The subscripts in the part of an element of the input.
  std::vector<Index> within(std::vector<Index> at, const VarBounds& bounds) const;
};

// A part for each input of the kernel. It is the whole input if a node reads the input in another
// way than through a View without a condition.
std::unordered_map<const Node*, InputPart> parts_of(const KernelGraph& kernel);

}  // namespace tenon
