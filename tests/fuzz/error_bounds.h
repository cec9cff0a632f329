// How far f32 arithmetic may be from the interpreter, which computes in double. The bounds of a
// node's elements are another graph, which is interpreted too.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace tenon::fuzz {

// For each value an f32 tensor of the same shape: by how much each element may be off, added up
// from the roundings of all operations and terms below. Infinity or NaN means that there is no
// bound, for example after a comparison that may go either way.
std::vector<Tensor> error_bounds(const std::vector<Tensor>& values);

}  // namespace tenon::fuzz
