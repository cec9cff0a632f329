// Reductions: sum, mean, variance, extrema and the place of the greatest element. Used by every
// network; normalization.h builds on them.
//
// `axes` may be one, several or all (the default) and negative; with `keepdims` they stay in the
// shape with extent 1, so that the result broadcasts with x. Over no elements a sum is 0; the
// others throw, as there is nothing to give. The order of accumulation is Tenon's canonical one,
// whatever the schedule: the bits do not change.
#pragma once

#include "core/tensor.h"
#include "ops/operands.h"

namespace tenon {

Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);   // bool counts as i32
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);  // f32

// The mean of the squared distance from the mean, in two passes, so that it does not cancel. It
// divides by count - correction: 0 for a whole population, 1 for a sample of one. f32.
Tensor var(const Tensor& x, const Axes& axes = {}, bool keepdims = false, int correction = 0);

// Every type; NaN where there is one. Equal extrema share the gradient.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// The index along `axis` of the first of the greatest elements, i32; the first NaN, where there is
// one (as NumPy). No gradient.
Tensor argmax(const Tensor& x, int axis = -1, bool keepdims = false);

}  // namespace tenon
