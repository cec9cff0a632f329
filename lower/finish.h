// finish: makes every implicit thing of a scheduled nest explicit, so that codegen has nothing to
// decide. Requires a kernel that verifies. Ensures, in the result:
//   - every accumulation has initial == false and is preceded by a store of the identity;
//   - limits with tail pad are gone: they have become ranges on loads and stores. Each other bounds
//     the loop of its innermost variable (serial, parallel), guards its copies (unroll) or
//     masks its lanes (vector); with tail peel, the loop around such copies and lanes comes in two
//     parts, whole tiles without guards and the ragged one;
//   - every local has `extents` = its physical size and indices relative to its scope, and is
//     allocated inside the loop over its `scope`;
//   - locals that fit into registers and whose indices are constant once unrolled are Where::reg,
//     all others Where::heap, with an offset in bytes in the launch's or the thread's scratch.
// Used by codegen. Read next: codegen/compile.h.
#pragma once

#include <cstddef>
#include <vector>

#include "lower/nest.h"
#include "lower/target.h"

namespace tenon {

struct Placement {
  std::ptrdiff_t offset = -1;  // bytes into the scratch, a multiple of 64; -1: not in scratch
  bool per_thread = false;     // in the thread's scratch, else in the launch's
};

struct FinishedKernel {
  Kernel kernel;
  std::vector<Placement> placement;  // one per tensor
  std::size_t launch_scratch = 0;    // bytes
  std::size_t thread_scratch = 0;    // bytes
};

FinishedKernel finish(const Kernel& kernel, const Target& target);

// ---- its passes, in the order in which it runs them: from nest to nest ----

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
