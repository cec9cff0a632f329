// Dependences between the iterations of loops: may two iterations touch the same element? Used by
// legal.cpp, merge.cpp, the moves and the passes of finish.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lower/uses.h"

namespace tenon {

// May two iterations that differ in one of the axes touch the same element, one by the access `a`
// and the other by `b`? The first `outside` loops around each access have the same value in both
// iterations, and so does every axis without a loop around either access.
bool conflict(const Kernel& kernel, const Use& a, const Use& b, std::span<const Var> axes,
              std::size_t outside = 0);

// Why running the iterations of the axes in another order, or at the same time, could change a
// result: the writer stores an element that the other use touches in a different iteration. Axes
// that appear in no subscript are ignored. Along such an axis every iteration touches the same
// element, and legal.cpp checks the order of those accesses.
Reason dependence(const Kernel& kernel, const Use& writer, const Use& other,
                  std::span<const Var> axes, std::size_t outside = 0);

// The interval that several subscripts of one axis reach, for fixed values of the axes in
// `outside`. For example, 8*io + ii with ii < 8 and io outside begins at 8*io and has the extent 8.
// Nothing is returned if a quotient or remainder mixes axes inside and outside, or if the distance
// between the subscripts depends on the outside axes.
struct Reach {
  Index begin;
  std::int64_t extent;
};
std::optional<Reach> reach(const Kernel& kernel, std::span<const Index> subscripts,
                           const Path& outside);
// The subscripts of the uses along one axis of their tensor.
std::vector<Index> subscripts(std::span<const Use> uses, std::size_t axis);

// Does one iteration of a loop over the axis need what another one has stored?
// `uses` are all uses of one tensor in the loop. An iteration needs it if it
// adds to the tensor, if it reads the tensor before it stores to it, or if it
// stores under a condition.
bool outlives(std::span<const Use> uses, Var axis);

}  // namespace tenon
