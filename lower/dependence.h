// Which iterations of a loop depend on each other. Used by the moves' legality checks.
#pragma once

#include <optional>
#include <vector>

#include "lower/nest.h"
#include "lower/tree.h"

namespace tenon {

// Of the axes, those in which two accesses of a tensor are in the same iteration wherever they
// touch the same element. Loops that are not on the accesses' paths stand still.
std::vector<Var> axes_alike(const Kernel& kernel, int tensor, const Use& a, const Use& b,
                            const std::vector<Var>& axes);

// Why running the iterations of `axes` over `items` in another order, or at the same time, could
// change a result: some statement writes an element that another reads or writes in a different
// iteration. An axis that neither has in its subscripts does not count: what one iteration stores
// there is read in it, or accumulated, and legal.cpp looks after the order of that.
Reason dependence_across(const Kernel& kernel, Items items, const std::vector<Var>& axes);

// Where the elements begin, on one axis of a tensor, that the uses touch while the loops over
// `outside` stand still, and how many they are. Nothing where a subscript divides what stands still
// and what moves, or where the uses begin at places that move apart.
struct Reach {
  Index begin;
  std::int64_t extent;
};
std::optional<Reach> reach(const Kernel& kernel, const std::vector<Use>& uses, std::size_t axis,
                           const Path& outside);

// Is what one iteration of a loop over the axis stores there needed in another? It is where it is
// added to, where it is read before it is stored, and where not every iteration stores it.
bool outlives(const std::vector<Use>& uses, Var axis);

// Is all that is ever stored to the local within one iteration of the loop also read within it?
bool is_private(const Kernel& kernel, int tensor, const Loop& loop, const Path& outside);

}  // namespace tenon
