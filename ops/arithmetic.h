// Element-wise arithmetic, comparison and choice, with the broadcasting of NumPy: shapes are
// aligned at their last axes, and an extent of 1 (or a missing axis) repeats. All other operations
// use it. Read next: functions.h, reductions.h.
//
// Types: both operands have one type, and nothing is converted unasked. A number beside a tensor
// takes the tensor's type; beside an i32 tensor it must be whole. Errors name the operation and
// both sides:
//   add: shapes do not broadcast: lhs [8,64], rhs [32]; counted from the last axis, extents must ..
// Broadcasting: https://numpy.org/doc/stable/user/basics.broadcasting.html
#pragma once

#include <string_view>

#include "core/tensor.h"

namespace tenon {

// The shape that `lhs` and `rhs` broadcast to; `operation` is for the message.
Shape broadcast_shapes(std::string_view operation, const Shape& lhs, const Shape& rhs);

// `value` as a rank-0 constant of the type of `x`.
Tensor number_like(const Tensor& x, double value);

// The scalar operation `op`, which takes two operands, over the operands broadcast to one shape.
// `name` is for messages.
Tensor broadcast_map(std::string_view name, ScalarOp op, const Tensor& lhs, const Tensor& rhs);

// ---- f32 and i32; integers wrap ----

Tensor operator+(const Tensor& lhs, const Tensor& rhs);
Tensor operator-(const Tensor& lhs, const Tensor& rhs);
Tensor operator*(const Tensor& lhs, const Tensor& rhs);
Tensor operator/(const Tensor& lhs, const Tensor& rhs);  // f32 alone; integers have idiv
Tensor operator-(const Tensor& x);
Tensor abs(const Tensor& x);  // its gradient at 0 is 0; the smallest integer stays as it is

// i32: the quotient rounded towards minus infinity, and its remainder, whose sign is the sign of
// rhs. For rhs = 0 both are 0.
Tensor idiv(const Tensor& lhs, const Tensor& rhs);
Tensor mod(const Tensor& lhs, const Tensor& rhs);

// ---- every type; NaN if an operand is NaN; equal values share the gradient ----

Tensor maximum(const Tensor& lhs, const Tensor& rhs);
Tensor minimum(const Tensor& lhs, const Tensor& rhs);

// ---- comparison, to bool; with a NaN, != is true and the others are false ----

Tensor operator<(const Tensor& lhs, const Tensor& rhs);
Tensor operator<=(const Tensor& lhs, const Tensor& rhs);
Tensor operator>(const Tensor& lhs, const Tensor& rhs);
Tensor operator>=(const Tensor& lhs, const Tensor& rhs);
Tensor operator==(const Tensor& lhs, const Tensor& rhs);
Tensor operator!=(const Tensor& lhs, const Tensor& rhs);

// ---- bits of i32, or bool ----

Tensor operator&(const Tensor& lhs, const Tensor& rhs);
Tensor operator|(const Tensor& lhs, const Tensor& rhs);
Tensor operator^(const Tensor& lhs, const Tensor& rhs);
Tensor operator!(const Tensor& x);  // bool: not; i32: every bit flipped

// `yes` where the bool `condition` holds, else `no`; all three broadcast. The side that is not
// chosen gets a gradient of 0. A NaN or an infinity in the derivative of that side still makes the
// product NaN, so keep its arguments in range too.
Tensor where(const Tensor& condition, const Tensor& yes, const Tensor& no);

// ---- the same with a number on one side ----

// clang-format off
inline Tensor operator+(const Tensor& x, double n) { return x + number_like(x, n); }
inline Tensor operator+(double n, const Tensor& x) { return number_like(x, n) + x; }
inline Tensor operator-(const Tensor& x, double n) { return x - number_like(x, n); }
inline Tensor operator-(double n, const Tensor& x) { return number_like(x, n) - x; }
inline Tensor operator*(const Tensor& x, double n) { return x * number_like(x, n); }
inline Tensor operator*(double n, const Tensor& x) { return number_like(x, n) * x; }
inline Tensor operator/(const Tensor& x, double n) { return x / number_like(x, n); }
inline Tensor operator/(double n, const Tensor& x) { return number_like(x, n) / x; }
inline Tensor operator<(const Tensor& x, double n) { return x < number_like(x, n); }
inline Tensor operator<(double n, const Tensor& x) { return number_like(x, n) < x; }
inline Tensor operator<=(const Tensor& x, double n) { return x <= number_like(x, n); }
inline Tensor operator<=(double n, const Tensor& x) { return number_like(x, n) <= x; }
inline Tensor operator>(const Tensor& x, double n) { return x > number_like(x, n); }
inline Tensor operator>(double n, const Tensor& x) { return number_like(x, n) > x; }
inline Tensor operator>=(const Tensor& x, double n) { return x >= number_like(x, n); }
inline Tensor operator>=(double n, const Tensor& x) { return number_like(x, n) >= x; }
inline Tensor operator==(const Tensor& x, double n) { return x == number_like(x, n); }
inline Tensor operator==(double n, const Tensor& x) { return number_like(x, n) == x; }
inline Tensor operator!=(const Tensor& x, double n) { return x != number_like(x, n); }
inline Tensor operator!=(double n, const Tensor& x) { return number_like(x, n) != x; }
inline Tensor operator&(const Tensor& x, double n) { return x & number_like(x, n); }
inline Tensor operator|(const Tensor& x, double n) { return x | number_like(x, n); }
inline Tensor operator^(const Tensor& x, double n) { return x ^ number_like(x, n); }
inline Tensor idiv(const Tensor& x, double n) { return idiv(x, number_like(x, n)); }
inline Tensor mod(const Tensor& x, double n) { return mod(x, number_like(x, n)); }
inline Tensor maximum(const Tensor& x, double n) { return maximum(x, number_like(x, n)); }
inline Tensor minimum(const Tensor& x, double n) { return minimum(x, number_like(x, n)); }
// clang-format on
inline Tensor where(const Tensor& condition, const Tensor& yes, double no) {
  return where(condition, yes, number_like(yes, no));
}
inline Tensor where(const Tensor& condition, double yes, const Tensor& no) {
  return where(condition, number_like(no, yes), no);
}

}  // namespace tenon
