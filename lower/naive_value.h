// The value of a node at an index, as an expression over tensors in memory. A View substitutes
// indices, a Map applies its operation, and a node with memory becomes a load. No stride appears
// anywhere. Used by naive.cpp.
//
//   out = max(permute(x + y), 0)    ->    out[i,j] = max((x[j,i] + y[j,i]), 0)
#pragma once

#include <map>
#include <tuple>

#include "core/node.h"
#include "lower/input_parts.h"
#include "lower/nest.h"

namespace tenon {

// The subscripts with which a Gather or a Scatter reads its index and its data for the element
// `at`. The subscript of the computed axis of the data is 0.
struct ComputedAxis {
  std::vector<Index> index_at, data_at;
};
ComputedAxis computed_axis(const std::vector<Index>& at, int axis, const Node& index);

class NodeValues {
 public:
  // The kernel must outlive this object. Axes and tensors may be added to the kernel meanwhile.
  explicit NodeValues(const Kernel& kernel) : kernel_(kernel) {}

  // From now on the node is read from the tensor, which holds the whole node or a part of it.
  void set_tensor(const Node& node, int tensor, const std::optional<InputPart>& part = {}) {
    tensors_[&node] = {tensor, part};
  }

  // The value of the node at `at`, one index per axis, over the kernel's axes. Outside the ranges
  // `inside` the value may be anything, but it touches no memory there. Equal arguments give the
  // same object, so a value that an expression uses twice is computed once.
  ValueRef value(const Node& node, const std::vector<Index>& at,
                 const std::vector<Range>& inside = {});

 private:
  using Ranges = std::vector<Range>;
  ValueRef compute(const Node& node, const std::vector<Index>& at, const Ranges& inside);
  ValueRef compute_view(const Node& node, const std::vector<Index>& at, const Ranges& inside);

  struct Source {
    int tensor;
    std::optional<InputPart> part;
  };

  const Kernel& kernel_;
  std::unordered_map<const Node*, Source> tensors_;
  std::map<std::tuple<const Node*, std::vector<Index>, Ranges>, ValueRef> known_;
};

}  // namespace tenon
