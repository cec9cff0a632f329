// Normalizations along an axis, and the loss of a classifier. Each becomes one kernel over rows.
// They take f32, and the normalizations keep the shape.
#pragma once

#include "core/tensor.h"
#include "ops/operands.h"

namespace tenon {

// exp(x - max) / sum(exp(x - max)): positive, with sum 1 along `axis`. Finite for every finite x; a
// row that is minus infinity throughout gives NaN.
Tensor softmax(const Tensor& x, int axis = -1);

// The logarithm of softmax without its underflow: x - max - log(sum(exp(x - max))).
Tensor log_softmax(const Tensor& x, int axis = -1);

// (x - mean) / sqrt(var + epsilon), the mean and the variance (of the whole population) being taken
// over `axes`; paper: https://arxiv.org/abs/1607.06450. It is finite for every x with a finite sum.
// With the default epsilon it is right while the root of the sum of squares of the distances from
// the mean is below 2e33; beyond that the variance is infinite, and the result is 0. A scale and a
// shift are the caller's: layernorm(x) * weight + bias.
Tensor layernorm(const Tensor& x, const Axes& axes = -1, double epsilon = 1e-5);

// The mean over all rows of -log_softmax(logits) at the row's label, in nats, rank 0. Logits f32
// [.., classes], labels i32 [..]. A label that is no class makes the loss NaN, because a kernel
// cannot throw; its row has no gradient through that label.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

}  // namespace tenon
