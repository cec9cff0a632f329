// Sketch: a schedule of one statement with holes. A hole is a knob with a few values. A point is
// one value for each knob, and the sketch turns a point into a skeleton. The search knows sketches
// only as values of this type: a new sketch is one function in a file sketch_*.cpp and a line in
// sketch.cpp.
//
// Read next: sketch_product.cpp, sketch_tile.cpp, model.h (how points are ranked), turns.h (how the
// statements of a kernel are scheduled one after another).
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
  // Without tuning, a point takes the place of the rule of thumb if the model predicts less than
  // this share of the rule's time, and that the point saves these nanoseconds in each run.
  double trusted_share = .75, least_gain_ns = 5e5;
  // Nothing if the values of the knobs contradict each other.
  std::function<std::optional<Skeleton>(const Point&)> skeleton;
};

// The sketch that fits the statement; nothing if no schedule helps it, or if the loops that it
// shares with an earlier statement are scheduled already. The sketch keeps references to both.
std::optional<Sketch> sketch_of(const StatementFacts& statement, const Facts& facts,
                                const Target& target, const Machine& machine);

// "product column=1 rows=8 ..", and back. Nothing if the text is of another sketch, or has other
// knobs. In place of a value that the knob does not have, the point has the nearest one.
std::string text(const Sketch& sketch, const Point& point);
std::optional<Point> parse_point(const Sketch& sketch, std::string_view text);

// For sums of products, and for everything else.
std::optional<Sketch> product_sketch(const StatementFacts& statement, const Facts& facts,
                                     const Target& target, const Machine& machine);
std::optional<Sketch> tile_sketch(const StatementFacts& statement, const Facts& facts,
                                  const Target& target, const Machine& machine);

}  // namespace tenon
