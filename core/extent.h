// Extent: the length of an axis. It is an index expression, and a constant today. Code outside this
// file asks for the number through value(), so symbolic lengths would change this file alone.
#pragma once

#include "core/index.h"
#include "core/type.h"

namespace tenon {

class Extent {
 public:
  Extent(std::int64_t value) : index_(value) {}  // NOLINT: a number is an extent
  const Index& index() const { return index_; }
  std::int64_t value() const { return index_.constant(); }
  friend bool operator==(const Extent& a, const Extent& b) = default;

 private:
  Index index_;
};

using Shape = std::vector<Extent>;

std::int64_t elements(const Shape& shape);         // product of the extents; 1 for rank 0
std::size_t bytes(Type type, const Shape& shape);  // of all elements in memory
std::vector<std::int64_t> values(const Shape& shape);
std::vector<std::int64_t> strides(const Shape& shape);    // row-major, in elements
std::string text(const Shape& shape);                     // "[64,32]"
inline std::string text(Type type, const Shape& shape) {  // "f32[64,32]"
  return std::string(info(type).name) + text(shape);
}

// The bounds of the axes of a shape. Requires: the shape outlives the result. An axis of extent 0
// has the bounds of an axis of extent 1, because no element is read.
VarBounds axis_bounds(const Shape& shape);

// The identity map: one variable for each axis of the shape.
std::vector<Index> all_axes(const Shape& shape);

// The map of a reshape: for each element of a tensor of shape `to`, its position in a tensor of
// shape `from` with the same elements in the same row-major order.
std::vector<Index> reshape_map(const Shape& from, const Shape& to);

// The axis counted from the front. Error, in the name of `operation`: there is no such axis.
int axis_from_front(std::string_view operation, const Shape& shape, int axis);

}  // namespace tenon
