// The gradient of a View. An element that the view reads twice gets the sum of both gradients, and
// one that it skips gets 0. Used by gradient.cpp only.
#pragma once

#include "core/tensor.h"

namespace tenon {

// The gradient of the input x of a View, from that of its result: element i is the sum of
// gradient[o] over all o inside the view with map(o) = i.
//
// If the equations map(o) = i can be solved for o axis by axis, the result is a View, and a sum if
// several o read one i. The usual views, their gradients and their compositions can be solved;
// tests/ops_gradient_test.cpp lists them. Any other map becomes a Scatter.
Tensor view_gradient(const Tensor& x, const View& view, const Tensor& gradient);

}  // namespace tenon
