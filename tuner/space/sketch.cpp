#include "tuner/space/sketch.h"

#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

namespace tenon {

std::optional<Sketch> sketch_of(const StatementFacts& statement, const Facts& facts,
                                const Target& target, const Machine& machine) {
  auto sketch = product_sketch(statement, facts, target, machine);
  if (!sketch) sketch = tile_sketch(statement, facts, target, machine);
  if (!sketch) return {};
  for (std::size_t knob = 0; knob < sketch->knobs.size(); ++knob) {
    std::vector<std::int64_t>& values = sketch->knobs[knob].values;
    for (const Point& seed : sketch->seeds) append_once(values, seed[knob]);
    std::ranges::sort(values);
  }
  return sketch;
}

std::string text(const Sketch& sketch, const Point& point) {
  std::string result = sketch.name;
  for (std::size_t i = 0; i < point.size(); ++i)
    result += fmt::format(" {}={}", sketch.knobs[i].name, point[i]);
  return result;
}

std::optional<Point> parse_point(const Sketch& sketch, std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string name;
  if (!(words >> name) || name != sketch.name) return {};
  Point point;
  for (const Knob& knob : sketch.knobs) {
    std::int64_t value = 0;
    if (!std::getline(words >> std::ws, name, '=') || name != knob.name || !(words >> value))
      return {};
    point.push_back(*std::ranges::min_element(
        knob.values, {}, [&](std::int64_t other) { return std::abs(other - value); }));
  }
  if (words >> name) return {};
  return point;
}

}  // namespace tenon
