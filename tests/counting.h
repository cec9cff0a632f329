// Tensors with the elements 0, 1, 2, .., for tests of views: an element tells where it comes from.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "ops/views.h"
#include "oracle/interpret_executor.h"

namespace tenon {

using Ints = std::vector<std::int32_t>;

// 0, 1, 2, .. in the given shape.
inline Tensor counting(InterpretExecutor& executor, const Shape& shape) {
  return reshape(iota(executor, elements(shape)), shape);
}
inline Ints ints(const Tensor& x) { return x.to_vector<std::int32_t>(); }

}  // namespace tenon
