// The passes of finish(), in the order in which it runs them. Each takes a nest and returns one.
#pragma once

#include "lower/finish.h"

namespace tenon {

// Ensures: every accumulation finds its identity (or what earlier iterations left) in the target,
// written by a store that stands before the innermost loops that are added up over; `initial` is
// false everywhere.
Kernel explicit_identities(const Kernel& kernel);

// Requires explicit identities. Ensures: no limit has tail pad; loads beyond it read 0, stores
// there are dropped.
Kernel pad_tails(const Kernel& kernel);

// Ensures: locals have their physical sizes, indices relative to their scope, and a place.
FinishedKernel place_locals(const Kernel& kernel);

}  // namespace tenon
