#include "core/executor.h"

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {

std::vector<NodeRef> Executor::realize(std::span<const NodeRef> wanted) {
  std::vector<NodeRef> missing;
  for (const NodeRef& node : wanted)
    if (!nodes_.current(node)->as<BufferLeaf>()) append_once(missing, node);
  if (!missing.empty()) {
    const std::vector<BufferRef> buffers = compute(missing);
    for (std::size_t i = 0; i < missing.size(); i++) {
      const Node& node = *missing[i];
      BufferLeaf leaf{buffers[i], buffers[i]->version, nodes_.name(node)};
      nodes_.set_realized(missing[i], nodes_.make(std::move(leaf), node.type, node.shape, {}));
    }
  }
  return mapped(wanted, [&](const NodeRef& node) { return nodes_.current(node); });
}

NodeRef Executor::assign(const NodeRef& target, const NodeRef& value) {
  const BufferRef memory = current_buffer(*target);
  check(target->shape == value->shape && target->type == value->type,
        "an assigned value has the shape and type of its target");
  const NodeRef known = nodes_.current(value);
  if (known->as<BufferLeaf>()) {
    const BufferRef source = current_buffer(*known);
    if (source != memory) device().copy(*source, *memory);
  } else {
    const BufferRef fresh = compute({&value, 1})[0];
    // Not computed in place, as the value may read the target: the two exchange their memory.
    std::swap(memory->data, fresh->data);
    std::swap(memory->host, fresh->host);
  }
  ++memory->version;
  BufferLeaf leaf{memory, memory->version, target->as<BufferLeaf>()->name};
  return nodes_.make(std::move(leaf), target->type, target->shape, {});
}

}  // namespace tenon
