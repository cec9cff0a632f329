// Sketch: a schedule with holes, for the kernels that it fits. A hole is a knob with a few values.
// A point is one value for each knob, and the sketch turns a point into a skeleton. The search
// knows sketches only as values of this type: a new sketch is one function in a file sketch_*.cpp
// and a line in sketch.cpp.
//
// Read next: sketch_product.cpp, model.h (how points are ranked).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/backend.h"
#include "tuner/space/skeleton.h"

namespace tenon {

struct Knob {
  std::string name;
  std::vector<std::int64_t> values;  // never empty
};
using Point = std::vector<std::int64_t>;  // one value of each knob, in their order

struct Sketch {
  std::string name;
  std::vector<Knob> knobs;
  // Where descents begin; never empty. The first one is that of a rule of thumb.
  std::vector<Point> seeds;
  // Nothing if the values of the knobs contradict each other.
  std::function<std::optional<Skeleton>(const Point&)> skeleton;
};

// The sketches that fit the kernel. They keep references to the facts.
std::vector<Sketch> sketches(const Facts& facts, const Target& target, const Machine& machine);

// "product column=1 rows=8 ..", and back. Nothing if the text is of another sketch, or has
// other knobs or values.
std::string text(const Sketch& sketch, const Point& point);
std::optional<Point> parse_point(const Sketch& sketch, std::string_view text);

// The sketch of sketch_product.cpp, if the kernel is a sum of products.
std::optional<Sketch> product_sketch(const Facts& facts, const Target& target,
                                     const Machine& machine);

}  // namespace tenon
