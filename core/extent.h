// Extent: the length of an axis, an index expression that is a constant today. Code outside this
// file asks for the number through value(), so that symbolic lengths have one place to arrive at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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
std::vector<std::int64_t> strides(const Shape& shape);  // row-major, in elements
std::string text(const Shape& shape);                   // "[64,32]"
std::string text(Type type, const Shape& shape);        // "f32[64,32]"

// Bounds of the axes of a shape, which must live as long. An axis of extent 0 is taken as one of
// extent 1: nothing is read.
VarBounds axis_bounds(const Shape& shape);

// The index along each axis: of any element, over the axes of the shape themselves.
std::vector<Index> all_axes(const Shape& shape);

// Where each element of a tensor of shape `to` stands in one of shape `from` that has the same
// elements in the same order, row-major.
std::vector<Index> reshape_map(const Shape& from, const Shape& to);

// The axis counted from the front. Error, in the name of `operation`: there is no such axis.
int axis_from_front(std::string_view operation, const Shape& shape, int axis);

// The shape with the extent at `axis` replaced by all of `by`.
Shape replace_axis(Shape shape, int axis, const Shape& by);

}  // namespace tenon
