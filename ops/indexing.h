// Joining tensors, and picking elements by index. The primitive gather() is in core/tensor.h:
// out[.., j, ..] = x[.., index[j], ..], which NumPy calls take; with axis 0 it is an embedding.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace tenon {

// Tensors one after the other along `axis`; they agree in type and in every other extent.
Tensor concat(const std::vector<Tensor>& parts, int axis = 0);
// Tensors of one shape along a new axis `axis` of the result.
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);

// out[.., i, ..] = x[.., index[.., i, ..], ..], as NumPy's take_along_axis: every element has an
// index of its own. The index is i32 and has x's rank, and x's extents on every axis but `axis`. An
// index outside [0, extent) gives 0. x has fewer than 2^31 elements.
Tensor take_along_axis(const Tensor& x, const Tensor& index, int axis);

// labels i32 [..] -> bool [.., classes]: is the label this class? A label outside [0, classes) has
// no true element.
Tensor is_class(const Tensor& labels, std::int64_t classes);
// The same as 0 and 1 in f32.
Tensor one_hot(const Tensor& labels, std::int64_t classes);

}  // namespace tenon
