// Putting tensors together and picking from them. gather() itself, out[.., j, ..] = x[.., index[j],
// ..] (NumPy's take, an embedding with axis 0), is a primitive: core/tensor.h.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace tenon {

// Tensors one after the other along `axis`; they agree in type and in every other extent.
Tensor concat(const std::vector<Tensor>& parts, int axis = 0);
// Tensors of one shape along a new axis `axis` of the result.
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);

// out[.., i, ..] = x[.., index[.., i, ..], ..]: an index of its own for every element, as NumPy's
// take_along_axis. index: i32, of x's rank and, but for `axis`, of x's extents. An index outside
// [0, extent) gives 0.
Tensor take_along_axis(const Tensor& x, const Tensor& index, int axis);

// labels i32 [..] -> bool [.., classes]: whether the label is this class; a label that is none has
// no true element.
Tensor is_class(const Tensor& labels, std::int64_t classes);
// The same as 0 and 1 in f32.
Tensor one_hot(const Tensor& labels, std::int64_t classes);

}  // namespace tenon
