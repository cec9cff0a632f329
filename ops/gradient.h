// Gradients, graph to graph: from the graph of a loss, gradients() builds the graph of its
// derivatives. So gradients of every order exist. There is one rule for each kind of node and each
// scalar operation. The rules stand in gradient.cpp; the rule of View, in view_gradient.h, inverts
// an index map.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace tenon {

// d(loss)/d(x) for every x, each of x's shape; zeros where the loss does not depend on x. The loss
// has one element and type f32, and every x is f32. If elements of a max are equal, they share the
// gradient equally. Comparisons and integer operations have no gradient. The gradient of a Scatter
// that sets is exact if no element is set twice.
//
// Reading a value changes no gradient: a tensor that was realized is differentiated through what it
// was computed from (Tensor::origin). For example, with h = w*w*w, gradients(h*w, {w}) is 32 at w =
// 2, whether h.item() was called before or not. A derivative ends at stop_gradient() and at a
// tensor that was assigned to. Error: a path from x to the loss leads through a realized tensor
// whose graph was dropped (Tensor::origin).
std::vector<Tensor> gradients(const Tensor& loss, std::span<const Tensor> of);

}  // namespace tenon
