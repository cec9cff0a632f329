// Gradients, graph to graph: one rule an operation, so of any order. The rules are in gradient.cpp,
// that of View, which inverts an index map, in view_gradient.h.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace tenon {

// d(loss)/d(x) for every x, each of x's shape; zeros where the loss does not depend on x. The loss
// has one element and type f32, and every x is f32. Of max, ties share the gradient equally;
// comparisons and integer operations have none. That of a Scatter that sets is exact where no
// element is set twice. Error: the loss was realized before, which lets its graph go.
std::vector<Tensor> gradients(const Tensor& loss, std::span<const Tensor> of);

}  // namespace tenon
