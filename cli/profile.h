// The times of the kernels of a graph, for `tenon run --profile`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tuner/session/session.h"

namespace tenon::cli {

// The time of one kernel, and what it does in that time.
struct KernelTime {
  std::string kernel;    // its name
  double seconds;        // of a launch, after the kernels before it: the least of several
  double flops;          // of its sums of products: two for each term
  double bytes;          // of its arguments, each counted once
  double limit_seconds;  // what the machine needs at least, by the model (limit_of() in model.h)
};

// The times of the kernels under the tensors, in the order in which they run. Runs them for about a
// second, at least once.
std::vector<KernelTime> profile(Session& session, std::span<const Tensor> wanted);

}  // namespace tenon::cli
