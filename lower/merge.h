// merge_siblings: two loops that stand side by side become one. Used by
// naive(), so that what is computed over the same rows is computed row by row,
// and by the move `at`.
//
//   for a 8                    for a 8
//     t[a] = ..          ->      t[a] = ..
//   for b 8                      u[a] = t[a] * 2
//     u[b] = t[b] * 2
#pragma once

#include <cstddef>
#include <vector>

#include "lower/nest.h"

namespace tenon {

// Moves the loop body[second] into the loop body[first], which comes before it
// in the same list of items of `kernel` (outside: the axes of the loops around
// the list). One of their axes goes, if it has no other loops (its name becomes
// empty). Returns why it must not, with nothing changed: the extents, tags,
// conditions or limits differ; the second loop depends on an item between the
// two; or an iteration of it uses what other iterations of the first one write,
// or the other way round.
Reason merge_siblings(Kernel& kernel, std::vector<Item>& body, std::size_t first,
                      std::size_t second, const std::vector<Var>& outside);

// What forbids that iterations of the loop `from` run in the iterations of a
// loop over `axis` in the item `into`: a tensor of which one iteration stores
// an element that another one uses. Both items stand in one list.
const KernelTensor* conflict_between(const Kernel& kernel, const Item& into, Var axis,
                                     const Item& from);

// Merges the items from `start` on into what is before them, as deep as that is
// legal. Loops that accumulate are merged only with such loops, others only
// with others: either kind is scheduled in ways that the other forbids.
void merge_all(Kernel& kernel, std::vector<Item>& body, std::size_t start,
               const std::vector<Var>& outside);

}  // namespace tenon
