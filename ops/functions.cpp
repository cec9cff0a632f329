#include "ops/functions.h"

#include <initializer_list>
#include <numbers>

#include "ops/arithmetic.h"
#include "ops/operands.h"

namespace tenon {
namespace {

// |x| with the derivative +1 at 0. So a function that is written differently for each sign of x
// keeps its derivative at 0.
Tensor magnitude(const Tensor& x) { return where(x < 0, -x, x); }

// The lesser of x and `limit`. Above the limit the derivative is 0.
Tensor at_most(const Tensor& x, double limit) { return where(limit < x, limit, x); }

// Horner's rule; coefficients from the highest power down.
Tensor polynomial(const Tensor& x, std::initializer_list<double> coefficients) {
  Tensor sum;
  for (double coefficient : coefficients)
    sum = sum.is_empty() ? number_like(x, coefficient) : sum * x + coefficient;
  return sum;
}

// exp(-size) for 0 <= size, within a few ulp. To round the exponent size log2(e) causes a relative
// error of up to size 2^-24. So the rounding error e of the rounded product h is computed too, from
// halves whose products are exact (Dekker, https://doi.org/10.1007/BF01397083), and the result
// 2^-(h + e) is 2^-h (1 - e ln 2). The derivative of the correction is negligible.
Tensor exp_of_negative(const Tensor& size) {
  constexpr double upper = 1.4423828125;      // the first 11 bits of log2(e)
  const Tensor bounded = at_most(size, 200);  // exp(-200) is 0 in f32
  const Tensor exponent = bounded * std::numbers::log2e;
  const Tensor top = bitcast(bitcast(bounded, Type::i32) & -4096, Type::f32);  // its first 12 bits
  const Tensor error =
      (top * upper - exponent) + (bounded - top) * upper + bounded * (std::numbers::log2e - upper);
  return map(ScalarOp::exp2, {-exponent}) * (1 - stop_gradient(error) * std::numbers::ln2);
}

// 1 / (1 + exp(-x)) by t = exp(-|x|).
Tensor logistic(const Tensor& x, const Tensor& t) {
  return where(x < 0, t, number_like(x, 1)) / (1 + t);
}

// log(1 + t) for t >= 0, also where 1 + t rounds t away: log(u) t / (u - 1) with u = 1 + t (Kahan).
Tensor log_of_one_and(const Tensor& t) {
  const Tensor u = 1 + t;
  const Tensor is_one = u == 1;
  const Tensor other = where(is_one, 2, u);
  return where(is_one, t, log(other) * (t / (other - 1)));
}

// 1 - erf(x) for 0 <= x: Numerical Recipes, erfcc; relative error below 1.2e-7 if computed exactly.
Tensor erfc_of_positive(const Tensor& x) {
  const Tensor t = 1 / (1 + x * 0.5);
  const Tensor series =
      polynomial(t, {0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806,
                     0.09678418, 0.37409196, 1.00002368, -1.26551223});
  return t * exp(series - x * x);
}

}  // namespace

Tensor exp(const Tensor& x) {
  need_float("exp", x);
  return map(ScalarOp::exp2, {x * std::numbers::log2e});
}

Tensor log(const Tensor& x) {
  need_float("log", x);
  return map(ScalarOp::log2, {x}) * std::numbers::ln2;
}

Tensor sqrt(const Tensor& x) {
  need_float("sqrt", x);
  return map(ScalarOp::sqrt, {x});
}

Tensor square(const Tensor& x) { return x * x; }

Tensor sin(const Tensor& x) {
  need_float("sin", x);
  return map(ScalarOp::sin, {x});
}

// It is not sin(x + pi/2), because the rounding of that sum would cost |x| 2^-24.
Tensor cos(const Tensor& x) {
  need_float("cos", x);
  return 1 - 2 * square(sin(x * 0.5));
}

Tensor tanh(const Tensor& x) {
  need_float("tanh", x);
  const Tensor size = magnitude(x);
  const Tensor inner = where(size < 0.625, x, 0);  // keeps the polynomial finite elsewhere
  const Tensor squared = inner * inner;
  const Tensor tail = polynomial(squared, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                                           1.33314422036e-1, -3.33332819422e-1});
  const Tensor near = inner + inner * (squared * tail);
  const Tensor far = 2 / (1 + exp(-2 * size)) - 1;
  return where(size < 0.625, near, where(x < 0, -far, far));
}

Tensor sigmoid(const Tensor& x) {
  need_float("sigmoid", x);
  return logistic(x, exp_of_negative(magnitude(x)));
}

Tensor softplus(const Tensor& x) {
  need_float("softplus", x);
  return where(x < 0, 0, x) + log_of_one_and(exp_of_negative(magnitude(x)));
}

Tensor relu(const Tensor& x) {
  need_float("relu", x);
  return maximum(x, 0);
}

Tensor silu(const Tensor& x) { return x * sigmoid(x); }

Tensor erf(const Tensor& x) {
  need_float("erf", x);
  const Tensor size = at_most(magnitude(x), 10);  // erfc(10) is 0 in f32, and 10^2 is finite
  const Tensor far = 1 - erfc_of_positive(size);
  const Tensor inner = where(size < 1, x, 0);  // keeps the polynomial finite where it is not used
  const Tensor near =
      inner *
      polynomial(inner * inner, {7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3,
                                 -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1,
                                 1.128379165726710});
  return where(size < 1, near, where(x < 0, -far, far));
}

Tensor gelu(const Tensor& x, Gelu form) {
  need_float("gelu", x);
  if (form == Gelu::tanh) {
    const Tensor bounded = -at_most(-at_most(x, 20), 20);  // beyond, the result is x or 0 itself
    const Tensor cubed = bounded + 0.044715 * (bounded * bounded * bounded);
    const double twice_root = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
    const Tensor inner = twice_root * cubed;
    return x * logistic(inner, exp(-magnitude(inner)));
  }
  // Half of erfc(-x/sqrt 2): 1 + erf would cancel for negative x.
  const Tensor size = at_most(magnitude(x), 15) * (1 / std::numbers::sqrt2);  // erfc is 0 there
  const Tensor upper = 0.5 * erfc_of_positive(size);
  return x * where(x < 0, upper, 1 - upper);
}

Tensor stop_gradient(const Tensor& x) {
  return info(x.type()).is_float ? bitcast(bitcast(x, Type::i32), x.type()) : x;
}

}  // namespace tenon
