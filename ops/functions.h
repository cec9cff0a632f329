// Element-wise functions of f32, composed of exp2, log2, sin, sqrt and arithmetic. Used by networks
// and by other operations of this folder. Read next: normalization.h.
//
// Every function takes f32 and gives f32 of x's shape; another type is an Error. A result is finite
// if its exact value fits f32, and so is its gradient: functions other than exp take exponentials
// of negative numbers only, so nothing overflows at large |x|. NaN in gives NaN out. The stated
// bounds assume that exp2, log2 and sin are exact to one unit in the last place (ulp).
#pragma once

#include "core/tensor.h"

namespace tenon {

Tensor exp(const Tensor& x);     // 2^(x log2 e); relative error about |x| 2^-24
Tensor log(const Tensor& x);     // log2(x) ln 2; -infinity at 0, NaN below
Tensor sqrt(const Tensor& x);    // exact rounding; NaN below 0, and an infinite gradient at 0
Tensor square(const Tensor& x);  // x x
Tensor sin(const Tensor& x);     // x in radians
Tensor cos(const Tensor& x);     // 1 - 2 sin(x/2)^2: within 2^-22 of the cosine for every x

// (1 - t) / (1 + t) with t = exp(-2|x|), and below 0.625 the polynomial of Cephes
// (https://netlib.org/cephes, tanhf.c); about 2 ulp.
Tensor tanh(const Tensor& x);

// 1 / (1 + exp(-x)), as t / (1 + t) with t = exp(x) for negative x; a few ulp in both tails.
Tensor sigmoid(const Tensor& x);

// log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)); within 2^-22 + 1 ulp, and a few ulp for
// negative x.
Tensor softplus(const Tensor& x);

Tensor relu(const Tensor& x);  // max(x, 0); its gradient at 0 is 1/2, as max shares ties
Tensor silu(const Tensor& x);  // x sigmoid(x), https://arxiv.org/abs/1702.03118

// The error function. For |x| < 1 it is the polynomial of Cephes (erff in ndtrf.c), beyond that the
// expansion of Press et al., Numerical Recipes, 2nd ed., section 6.2 (erfcc). The error is within
// 3 2^-23 everywhere.
Tensor erf(const Tensor& x);

// x times the normal distribution function of x (https://arxiv.org/abs/1606.08415), either by erf
// or by the paper's tanh form, x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), within 5e-4 of it.
enum class Gelu { erf, tanh };
Tensor gelu(const Tensor& x, Gelu form = Gelu::erf);

// x, through which no gradient flows. It is a bitcast to i32 and back, because integers have no
// gradient.
Tensor stop_gradient(const Tensor& x);

}  // namespace tenon
