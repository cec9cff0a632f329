// Reductions: sum, mean, variance, extrema and the place of the greatest element. Used by every
// network; normalization.h builds on them.
//
// `axes` is one axis, several, or all (the default), and may be negative. With `keepdims` the axes
// stay in the shape with extent 1, so that the result broadcasts with x. The sum of no elements is
// 0; the other reductions of no elements are an Error. A mean is the sum over the count, so it
// overflows if the sum does. The order of accumulation is Tenon's canonical one for every schedule,
// so the bits do not change.
#pragma once

#include "core/tensor.h"
#include "ops/operands.h"

namespace tenon {

Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);   // bool counts as i32
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);  // f32

// The mean of the squared distance from the mean. It takes two passes, so it does not cancel. The
// sum is divided by count - correction: 0 for a whole population, 1 for a sample of it. f32.
Tensor var(const Tensor& x, const Axes& axes = {}, bool keepdims = false, int correction = 0);

// Every type; NaN if an element is NaN. Equal extrema share the gradient.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// The index along `axis` of the first greatest element, i32. If an element is NaN, the index of the
// first NaN, as in NumPy. No gradient.
Tensor argmax(const Tensor& x, int axis = -1, bool keepdims = false);

}  // namespace tenon
