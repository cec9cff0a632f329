// Executor: what turns graphs into values; the second of the library's two interfaces. Tensors
// realize themselves through it; tuner/session.h implements it with compiled kernels.
#pragma once

#include <span>
#include <vector>

#include "core/node.h"

namespace tenon {

class Executor {
 public:
  virtual ~Executor() = default;
  virtual Device& device() = 0;
  virtual NodeTable& nodes() = 0;
  // Computes all nodes and returns, in the same order, leaves that hold their values.
  virtual std::vector<NodeRef> realize(std::span<const NodeRef> wanted) = 0;
  // Computes `value` into the memory of `target` (a BufferLeaf of the same shape and type) and
  // returns the leaf of the new version. The old leaf is dead: using it is an error.
  virtual NodeRef assign(const NodeRef& target, const NodeRef& value) = 0;
};

}  // namespace tenon
