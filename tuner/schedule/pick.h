// The pick: a schedule by a few rules of thumb. A kernel that no sketch fits runs on it, if nobody
// has tuned it.
// Every rule proposes moves. A move that is refused is left out, so the result is always legal.
// Used by the kernel store. Read next: pick.cpp for the rules in their order, pick_product.cpp for
// products.
#pragma once

#include <optional>

#include "codegen/backend.h"
#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

// Requires a naive nest. Ensures a schedule that is legal for it; it may be empty.
Schedule pick(const Kernel& naive, const Target& target, const Machine& machine);
// The same for a product that the given moves have scheduled: the other statements, such as what
// is done with its result, get their moves by the rules. Returns all moves. Nothing if one of the
// given moves is refused.
std::optional<Schedule> pick_after(const Schedule& product, const Kernel& naive,
                                   const Target& target, const Machine& machine);

}  // namespace tenon
