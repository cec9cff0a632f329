// The one check that every move must pass. Used by moves.cpp.
#pragma once

#include "lower/nest.h"

namespace tenon {

// Why the kernel would compute a wrong result, or nothing. Three things are forbidden: an
// accumulation whose loops no longer go through its terms in order; a local that is read where its
// value is gone; and a concurrent loop (parallel or vector, for example) with iterations that
// depend on each other.
Reason illegal(const Kernel& kernel);

}  // namespace tenon
