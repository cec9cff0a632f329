// merge_siblings: two loops that stand side by side become one. Used by naive(), so that nodes over
// the same rows are computed row by row, and by the move `at`.
//
//   for a 8                    for a 8
//     t[a] = ..          ->      t[a] = ..
//   for b 8                      u[a] = t[a] * 2
//     u[b] = t[b] * 2
#pragma once

#include "lower/nest.h"

namespace tenon {

// Moves what the loop body[second] runs to the end of the loop body[first], and removes the second
// loop. `body` is a list of items of `kernel`, first < second, and `outside` are the axes of the
// loops around the list. Both loops then run over one axis; the other axis gets an empty name if no
// loop over it is left. If the loops cannot be merged, nothing changes, and the reason is returned:
// their extents, tags, conditions or limits differ; the second loop depends on an item between the
// two; or an iteration of one loop writes what a different iteration of the other one uses.
Reason merge_siblings(Kernel& kernel, std::vector<Item>& body, std::size_t first,
                      std::size_t second, const std::vector<Var>& outside);

// May the iterations of the loop `from` run in those of a loop over `axis` in the item `into`? Both
// items are in one list. Returns null if they may, else a tensor that forbids it: one iteration
// stores an element of it that a different iteration uses.
const KernelTensor* conflict_between(const Kernel& kernel, const Item& into, Var axis,
                                     const Item& from);

// Merges the items from `start` on into the items before them, as deep as that is legal. A loop
// that is accumulated over is never merged with one that is not, because each kind allows moves
// that the other forbids.
void merge_all(Kernel& kernel, std::vector<Item>& body, std::size_t start,
               const std::vector<Var>& outside);

}  // namespace tenon
