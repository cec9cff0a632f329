// Checks of operands, axes as callers name them, and `spread`, a view that adds axes. Used in ops
// only.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace tenon {

std::string describe(const Tensor& x);                         // "f32[8,64]"
void need_float(std::string_view operation, const Tensor& x);  // Error for another type

// Axes as a caller names them: one, several, or, if the list is empty, all. A negative axis counts
// from the end.
class Axes {
 public:
  Axes() = default;                 // every axis
  Axes(int axis) : given_{axis} {}  // NOLINT: an axis is a list of one
  Axes(std::initializer_list<int> axes) : given_(axes) {}
  Axes(std::vector<int> axes) : given_(std::move(axes)) {}  // NOLINT

  // The axes of x, ascending and not negative. Error: one is out of range or named twice.
  std::vector<int> of(std::string_view operation, const Tensor& x) const;

 private:
  std::vector<int> given_;
};

// x in a space of more axes, as one view: axis a of x is axis to[a] of the result. x repeats along
// all other axes of the result, and along its own axes of extent 1.
//   spread(w [Co,Ci], {1, 3}, [N,Co,H,Ci]): out[n,co,h,ci] = w[co,ci]
Tensor spread(const Tensor& x, const std::vector<int>& to, Shape shape);

// The index along `axis` of every element of a tensor of `shape`, i32.
Tensor places(Executor& executor, const Shape& shape, int axis);

}  // namespace tenon
