// Products of matrices. Linear layers and attention are made of them. A schedule makes a product
// fast: see lower/moves.h. Read next: convolution.h.
#pragma once

#include "core/tensor.h"

namespace tenon {

// The matrix product over the last two axes, [.., i, k] x [.., k, j] -> [.., i, j], with the rules
// of numpy.matmul. Leading axes broadcast. A vector on the left is a row, a vector on the right is
// a column, and the axis of extent 1 vanishes from the result. Both operands are f32, or both are
// i32. A transposed operand is a view and costs nothing: matmul(a, transpose(b)). Error: "matmul:
// inner dimensions differ: lhs [8,64], rhs [32,16]; ..".
//
// It is one sum over the last axis of views [.., i, j, k] of both sides, and so one kernel.
Tensor matmul(const Tensor& lhs, const Tensor& rhs);

// The last two axes swapped. Error below rank 2.
Tensor transpose(const Tensor& x);

}  // namespace tenon
