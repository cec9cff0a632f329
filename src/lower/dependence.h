// Which iterations of a loop depend on each other. Used by the moves' legality checks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lower/nest.h"
#include "lower/tree.h"

namespace tenon {

// Why running the iterations of `axes` over `items` in another order, or at the same time, could
// change a result: some statement writes an element that another reads or writes in a different
// iteration. Two accesses are in the same iteration when their subscripts use the axes alike.
// Accumulations into one place are not counted: legal.cpp looks after their order.
std::optional<std::string> dependence_across(const Kernel& kernel, const std::vector<Item>& items,
                                             const std::vector<Var>& axes);

// Is all that is ever stored to the local within one iteration of the loop also read within it?
bool is_private(const Kernel& kernel, int tensor, const Loop& loop, const Path& outside);

}  // namespace tenon
