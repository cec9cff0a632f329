// Executor: turns graphs into values; the second of the library's two interfaces. Tensors realize
// themselves through it; tuner/session/session.h implements it with compiled kernels. The table of
// nodes, the realized values and the versions of buffers are the same for every executor.
#pragma once

#include "core/node.h"

namespace tenon {

class Executor {
 public:
  virtual ~Executor() { *link_ = nullptr; }
  virtual Device& device() = 0;
  NodeTable& nodes() { return nodes_; }
  // Points to this executor, and to null after its destruction. So a tensor can tell that its
  // executor no longer exists.
  const std::shared_ptr<Executor*>& link() const { return link_; }

  // Computes all nodes and returns, in the same order, leaves that hold their values.
  std::vector<NodeRef> realize(std::span<const NodeRef> wanted);
  // Computes `value` into the memory of `target` (a BufferLeaf of the same shape and type) and
  // returns the leaf of the new version. Using the old leaf is an error from then on. A freshly
  // computed value gives its memory to the target; a value that is in a buffer already is copied.
  NodeRef assign(const NodeRef& target, const NodeRef& value);

 private:
  // Computes the value of each node into a new buffer. Requires: no node is realized, and no node
  // is listed twice.
  virtual std::vector<BufferRef> compute(std::span<const NodeRef> wanted) = 0;

  std::shared_ptr<Executor*> link_ = std::make_shared<Executor*>(this);
  NodeTable nodes_;
};

}  // namespace tenon
