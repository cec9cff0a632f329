// Products of matrices. Used by networks: linear layers and attention are made of it. What makes it
// fast is a schedule: lower/moves.h. Read next: convolution.h.
#pragma once

#include "core/tensor.h"

namespace tenon {

// The matrix product over the last two axes, [.., i, k] x [.., k, j] -> [.., i, j], with the rules
// of numpy.matmul: leading axes broadcast, and a vector counts as a row on the left or a column on
// the right, whose axis of extent 1 vanishes from the result. f32 or i32, both the same. A
// transposed operand is a view and costs nothing: matmul(a, transpose(b)).
// Error: "matmul: inner dimensions differ: lhs [8,64], rhs [32,16]; ..".
//
// It is one sum over the last axis of views [.., i, j, k] of both sides, and so one kernel.
Tensor matmul(const Tensor& lhs, const Tensor& rhs);

// The last two axes swapped. Error below rank 2.
Tensor transpose(const Tensor& x);

}  // namespace tenon
