// Gradients, graph to graph: one rule an operation, so of any order.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace tenon {

// d(loss)/d(x) for every x, each of x's shape; zeros where the loss does not depend on x. The loss
// has one element and type f32. Of max, ties share the gradient equally; integer operations have
// none.
std::vector<Tensor> gradients(const Tensor& loss, std::span<const Tensor> of);

}  // namespace tenon
