// Facts: what a naive nest computes and how it moves through memory, as numbers. The sketches and
// the model ask for these facts thousands of times, so one pass over the nest finds them once.
// Used by sketch.h and model.h.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "lower/nest.h"
#include "lower/tree.h"

namespace tenon {

// One subscript of an access: a sum of coefficient * axis, without its constant.
struct Subscript {
  std::vector<std::pair<Var, std::int64_t>> terms;  // axis, coefficient
  std::int64_t extent;                              // of the tensor's axis, elements
};

struct AccessFacts {
  int tensor;
  std::int64_t element_bytes;
  std::vector<Subscript> subscripts;
  std::vector<std::int64_t> steps;  // by axis: elements by which one iteration moves the address
  bool is_local;  // of the kernel: finish() holds a tile of it in registers if the tile fits
  bool guarded;   // the access has conditions of its own, as at a padded edge

  std::int64_t step(Var axis) const { return steps[axis]; }
  bool uses(Var axis) const;
};

struct StatementFacts {
  Store store;
  Path path;
  std::vector<AccessFacts> accesses;  // the target, then the reads in their order

  const AccessFacts& target() const { return accesses.front(); }
  bool sums_over(Var axis) const { return contains(store.over, axis); }
};

struct Facts {
  Kernel naive;
  std::vector<StatementFacts> statements;  // those whose subscripts are all affine
  double flops = 0;                        // of sums of products: two for each term
  double bytes = 0;                        // of the arguments, each counted once

  std::int64_t extent(Var axis) const { return naive.extent(axis); }
  const std::string& name(Var axis) const { return naive.axes[axis].name; }
};

Facts facts_of(const Kernel& naive);

}  // namespace tenon
