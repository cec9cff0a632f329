// Facts: what a nest computes and how it moves through memory, as numbers. The sketches and the
// model ask for these facts thousands of times, so one pass over the nest finds them once.
// Used by the sketches, the model, flatten.cpp, `tenon explain` and bench/graph.cpp.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lower/nest.h"
#include "lower/tree.h"

namespace tenon {

// One subscript of an access: a sum of coefficient * axis, without its constant.
struct Subscript {
  std::vector<std::pair<Var, std::int64_t>> terms;  // axis, coefficient
  std::int64_t extent;                              // of the tensor's axis, elements
  bool is_affine = true;  // else it is divided or computed, and the coefficients mean nothing
};

// The step of an axis along which the address moves by no constant, as in x[i / 3].
constexpr std::int64_t irregular = std::int64_t{1} << 32;

struct AccessFacts {
  int tensor;
  std::int64_t element_bytes;
  std::vector<Subscript> subscripts = {};
  std::vector<std::int64_t> steps;  // by axis: elements by which one iteration moves the address
  bool is_local;  // of the kernel: finish() holds a tile of it in registers if the tile fits
  std::vector<Var> tested = {};  // axes in conditions of its own, as at a padded edge
  bool again = false;            // an earlier statement has read the same argument
  bool shared = false;  // the statement has another access to the tensor; a stage is one for both

  std::int64_t step(Var axis) const { return steps[axis]; }
  bool uses(Var axis) const;
  bool guarded() const { return !tested.empty(); }
};

struct StatementFacts {
  Store store;
  Path path;
  std::vector<AccessFacts> accesses;  // the target, then the reads in their order
  std::int64_t operations = 0;        // instructions that compute a vector of results or of terms
  bool is_final = false;              // the target is an argument that no statement reads

  const AccessFacts& target() const { return accesses.front(); }
  bool sums_over(Var axis) const { return contains(store.over, axis); }
};

struct Facts {
  Kernel nest;
  std::vector<StatementFacts> statements;
  std::vector<Var> around_vectors;  // axes of loops that have a loop over vectors inside
  double flops = 0;                 // of sums of products: two for each term
  double bytes = 0;                 // of the arguments, each counted once

  std::int64_t extent(Var axis) const { return nest.extent(axis); }
  const std::string& name(Var axis) const { return nest.axes[axis].name; }
  Tag tag(Var axis) const { return nest.axes[axis].tag; }
  double iterations(const std::vector<Var>& axes) const;    // of a nest over these axes
  std::int64_t bytes_of(const AccessFacts& access) const {  // of the whole tensor
    return nest.tensors[access.tensor].elements() * access.element_bytes;
  }
};

Facts facts_of(const Kernel& nest);

}  // namespace tenon
