// finish: from a scheduled nest to a finished one, in which nothing is left to decide. A backend
// only prints what stands there. finish() runs these passes, in this order:
//
//   explicit_identities  every accumulation starts from a store of the identity
//   place_locals         every local has its size, its scope and its place
//   align_streams        streaming stores, which bypass the caches, write aligned vectors
//   explicit_tails       limits become the ends of loops, peels, guards and masks
//   name_lanes           loops over vector axes vanish: every statement names its lanes
//
// Each is a file of its own, with loops before and after at its top. place_locals comes before
// explicit_tails, because a peel makes two loops of one: a local that lives in one iteration of
// that loop must stay one local.
//
// In a finished nest:
//   - there are no limits, no vector loops, and no loops of fewer than two iterations;
//   - a loop runs from the greatest of its begins to the least of its ends, and an unrolled one
//     from a number to a number;
//   - a `when` range that uses lanes of its statement is a mask, any other one is a branch;
//   - a streaming store is aligned to the target's vectors and has no mask.
// verify_finished() checks all of that but the alignment.
//
// Used by the backends. Read next: target.h, codegen/backend.h.
#pragma once

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

// The first rule of a finished nest that is broken, or nothing.
Reason verify_finished(const Kernel& kernel);

// How many operations stand in the code of a finished nest: reads, writes and scalar operations. A
// backend refuses a nest that would compile for minutes. In an unrolled loop each operation counts
// once for every iteration. A vector counts once for 16 lanes if its elements lie side by side in
// memory, and once for each lane if they do not.
double emitted_operations(const Kernel& kernel);

// ---- the passes of finish(), in the order in which it runs them ----

// Ensures: every accumulation finds its identity (or what earlier iterations left) in the target,
// written by a store before the innermost loops that it accumulates over; `initial` is false
// everywhere.
Kernel explicit_identities(Kernel kernel);

// Ensures: locals have their physical sizes, indices relative to their scope, and a place.
FinishedKernel place_locals(const Kernel& kernel);

// Ensures: every loop of streaming stores writes aligned vectors between a head and a tail. A loop
// whose alignment is not known stays as it is.
Kernel align_streams(Kernel kernel, const Target& target);

// Ensures: no limit and no loop of one iteration is left; loops begin and end where the limits say,
// and what no begin or end can say is in `when` conditions.
Kernel explicit_tails(Kernel kernel);

// Requires explicit tails. Ensures: no loop is a vector; every statement names its lanes.
Kernel name_lanes(Kernel kernel, const Target& target);

}  // namespace tenon
