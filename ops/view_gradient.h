// The gradient of a View: what a view reads twice is added up, what it skips gets 0. Used by
// gradient.cpp alone.
#pragma once

#include "core/tensor.h"

namespace tenon {

// The gradient of the input x of a View, from that of its result: element i is the sum of
// gradient[o] over all o inside the view with map(o) = i.
//
// It is a View again, and a sum where several o read one i, if the equations map(o) = i can be
// solved for o axis by axis; that is so for the usual views, their gradients
// and their compositions, as far as tests/ops_gradient_test.cpp lists them. Any other map becomes
// a Scatter.
Tensor view_gradient(const Tensor& x, const View& view, const Tensor& gradient);

}  // namespace tenon
