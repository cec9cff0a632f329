#include "tuner/space/footprint.h"

#include <cmath>
#include <cstdlib>
#include <ranges>

namespace tenon {

double Footprint::executions(std::size_t place) const {
  double times = 1;
  for (const Var axis : skeleton_.statement->path) {
    const std::int64_t inside = skeleton_.span(axis, place);
    times *= static_cast<double>(skeleton_.facts->extent(axis)) / static_cast<double>(inside);
  }
  return times;
}

double Footprint::range(const Subscript& subscript, std::size_t place) const {
  double range = 1;
  for (const auto& [axis, coefficient] : subscript.terms) {
    const auto span = static_cast<double>(skeleton_.span(axis, place));
    if (subscript.is_affine)
      range += static_cast<double>(std::abs(coefficient)) * (span - 1);
    else
      range *= span;
  }
  return std::min(range, static_cast<double>(subscript.extent));
}

double Footprint::elements(const AccessFacts& access, std::size_t place) const {
  double elements = 1;
  for (const Subscript& subscript : access.subscripts) elements *= range(subscript, place);
  return elements;
}

Rows Footprint::rows(const AccessFacts& access, std::size_t place) const {
  Rows rows{1, static_cast<double>(access.element_bytes), access.element_bytes};
  bool is_run = true;
  for (const Subscript& subscript : std::views::reverse(access.subscripts)) {
    const double here = range(subscript, place);
    (is_run ? rows.run : rows.count) *= here;
    if (rows.count == 1) rows.stride *= subscript.extent;
    is_run = is_run && here == static_cast<double>(subscript.extent);
  }
  return rows;
}

double Footprint::lines(const AccessFacts& access, std::size_t place, bool is_packed,
                        double line) const {
  const Rows touched = rows(access, place);
  if (is_packed) return std::ceil(touched.count * touched.run / line);
  return touched.count * std::ceil(touched.run / line);
}

double Footprint::tile_elements(const AccessFacts& access, const SkeletonStage& stage) const {
  const std::size_t place = stage.at + 1;
  if (stage.layout == Layout::box) return elements(access, place);
  double elements = 1;
  for (const Var axis : skeleton_.statement->path)
    if (access.uses(axis)) elements *= static_cast<double>(skeleton_.span(axis, place));
  return elements;
}

}  // namespace tenon
