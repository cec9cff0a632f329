// How far f32 arithmetic may be from the interpreter, which computes in double: a bound for every
// element of a node, as another graph, which is interpreted beside the first.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace tenon::fuzz {

// A tensor of the same shape, f32: what the element may be off by, added up from the roundings of
// all operations and terms below. Infinity or NaN where nothing can be said (a comparison that may
// go either way, say).
std::vector<Tensor> error_bounds(const std::vector<Tensor>& values);

}  // namespace tenon::fuzz
