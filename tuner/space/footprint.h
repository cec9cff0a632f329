// Footprint: what the loops of a skeleton touch, from a place in its list of loops inwards, and how
// often. Place 0 is the outermost loop; the place after the innermost one is a single iteration.
// Used by model.cpp and model_memory.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tuner/space/skeleton.h"

namespace tenon {

// Elements of a tensor as rows that lie side by side in memory.
struct Rows {
  double count;
  double run;           // bytes of a row
  std::int64_t stride;  // bytes from one row to the next
};

// Keeps a reference to the skeleton.
class Footprint {
 public:
  explicit Footprint(const Skeleton& skeleton) : skeleton_(skeleton) {}

  // How often the loops outside of the place run its body.
  double executions(std::size_t place) const;
  // How many elements the access touches.
  double elements(const AccessFacts& access, std::size_t place) const;
  Rows rows(const AccessFacts& access, std::size_t place) const;
  // How many lines of `line` bytes the access touches; packed elements lie all side by side.
  double lines(const AccessFacts& access, std::size_t place, bool is_packed, double line) const;
  // The elements of the tile. A tile in loop order has an element for every iteration of its loops,
  // and so several copies of what neighbouring windows share.
  double tile_elements(const AccessFacts& access, const SkeletonStage& stage) const;

 private:
  double range(const Subscript& subscript, std::size_t place) const;

  const Skeleton& skeleton_;
};

}  // namespace tenon
