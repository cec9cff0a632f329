// What the operations of this folder ask of their operands, and how they place the axes of one.
// Used within ops alone.
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

// Axes as a caller names them: one, several or, when empty, all; negative ones count from the end.
class Axes {
 public:
  Axes() = default;                 // every axis
  Axes(int axis) : given_{axis} {}  // NOLINT: an axis is a list of one
  Axes(std::initializer_list<int> axes) : given_(axes) {}
  Axes(std::vector<int> axes) : given_(std::move(axes)) {}  // NOLINT

  // As axes of x, ascending and not negative. Error where one is out of range or there twice.
  std::vector<int> of(std::string_view operation, const Tensor& x) const;

 private:
  std::vector<int> given_;
};

// x in a space of more axes, as one view: axis a of x is axis to[a] of the result, and x repeats
// along the others, and along its own axes of extent 1.
//   spread(w [Co,Ci], {1, 3}, [N,Co,H,Ci]): out[n,co,h,ci] = w[co,ci]
Tensor spread(const Tensor& x, const std::vector<int>& to, Shape shape);

// The index along `axis` of every element of a tensor of `shape`, i32.
Tensor places(Executor& executor, const Shape& shape, int axis);

}  // namespace tenon
