#include "tuner/plan.h"

#include <algorithm>
#include <bit>
#include <variant>

#include "core/error.h"

namespace tenon {

namespace {

std::size_t bytes_of(const Node& node) {
  return static_cast<std::size_t>(elements(node.shape)) * info(node.type).bytes;
}

}  // namespace

void StructureWalk::number(std::int64_t value) {
  key_.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void StructureWalk::index(const Index& index) {
  number(index.constant());
  number(static_cast<std::int64_t>(index.terms().size()));
  for (const Index::Term& term : index.terms()) {
    number(term.coefficient);
    number(static_cast<int>(term.kind));
    if (term.kind == Index::Kind::var) {
      number(term.var);
    } else {
      number(term.divisor);
      this->index(*term.inner);
    }
  }
}

// Writes a leaf, opens any other node; does nothing about a node that was seen.
void StructureWalk::enter(const NodeRef& node, const NodeTable& table) {
  if (seen_.contains(node.get())) return;
  if (!node->is_leaf()) {
    const NodeRef leaf = table.realized(*node);
    if (!leaf) {
      open_.push_back({node.get(), 0});
      return;
    }
    enter(leaf, table);
    seen_.emplace(node.get(), seen_.at(leaf.get()));
    return;
  }
  if (node->as<BufferLeaf>()) {
    current_buffer(*node);  // throws where it was overwritten
    leaves_.push_back(node);
  }
  write(*node);
}

// Appends everything about the node but its buffer. Every part is of a length that the parts before
// it tell, so that different structures have different keys.
void StructureWalk::write(const Node& node) {
  seen_.emplace(&node, written_++);
  number(static_cast<int>(node.detail.index()) * 256 + static_cast<int>(node.type));
  number(static_cast<std::int64_t>(node.shape.size()));
  for (const Extent& extent : node.shape) number(extent.value());
  number(static_cast<std::int64_t>(node.inputs.size()));
  for (const NodeRef& input : node.inputs) number(seen_.at(input.get()));
  if (const auto* constant = node.as<ConstantLeaf>()) {
    number(std::bit_cast<std::int64_t>(constant->value));
  } else if (const auto* map = node.as<Map>()) {
    number(static_cast<int>(map->op));
  } else if (const auto* reduce = node.as<Reduce>()) {
    number(static_cast<int>(reduce->combine));
    number(static_cast<std::int64_t>(reduce->axes.size()));
    for (int axis : reduce->axes) number(axis);
  } else if (const auto* view = node.as<View>()) {
    number(static_cast<std::int64_t>(view->map.size()));
    for (const Index& at : view->map) index(at);
    number(static_cast<std::int64_t>(view->inside.size()));
    for (const Range& range : view->inside) {
      index(range.index);
      number(range.low);
      number(range.high);
    }
    number(std::bit_cast<std::int64_t>(view->fill));
  } else if (const auto* gather = node.as<Gather>()) {
    number(gather->axis);
  } else if (const auto* scatter = node.as<Scatter>()) {
    number(scatter->axis * 2 + (scatter->add ? 1 : 0));
  }
}

void StructureWalk::walk(std::span<const NodeRef> wanted, const NodeTable& table) {
  clear();
  for (const NodeRef& root : wanted) {
    enter(root, table);
    while (!open_.empty()) {
      Visit& visit = open_.back();
      if (visit.next_input < visit.node->inputs.size()) {
        enter(visit.node->inputs[visit.next_input++], table);  // may move `visit`
      } else {
        const Node* done = visit.node;
        open_.pop_back();
        write(*done);
      }
    }
    number(seen_.at(root.get()));
  }
}

void StructureWalk::clear() {
  key_.clear();
  leaves_.clear();
  open_.clear();
  seen_.clear();
  written_ = 0;
}

Plan place(std::span<const NodeRef> wanted, std::span<const KernelGraph> kernels,
           std::vector<NodeRef>& leaves) {
  std::unordered_map<const Node*, int> slots;
  for (const NodeRef& leaf : leaves) slots.emplace(leaf.get(), static_cast<int>(slots.size()));
  const auto add_leaf = [&](const NodeRef& node) {
    if (!node->as<BufferLeaf>() || slots.contains(node.get())) return;
    slots.emplace(node.get(), static_cast<int>(slots.size()));
    leaves.push_back(node);
  };
  for (const KernelGraph& kernel : kernels)
    for (const NodeRef& input : kernel.inputs) add_leaf(input);
  for (const NodeRef& node : wanted) add_leaf(node);

  Plan plan;
  plan.leaves = leaves.size();
  const auto slot_of = [&](const NodeRef& node) {
    const auto found = slots.find(node.get());
    check(found != slots.end(), "a kernel reads what no kernel before it writes");
    return found->second;
  };
  for (const KernelGraph& kernel : kernels) {
    Plan::Step step;
    for (const NodeRef& input : kernel.inputs) step.slots.push_back(slot_of(input));
    for (const NodeRef& output : kernel.outputs) {
      slots.emplace(output.get(), static_cast<int>(slots.size()));
      plan.written.push_back({bytes_of(*output)});
      step.slots.push_back(slot_of(output));
    }
    plan.steps.push_back(std::move(step));
  }
  for (const NodeRef& node : wanted)
    plan.results.push_back({slot_of(node), node->as<BufferLeaf>() != nullptr});

  std::vector<bool> needed(slots.size(), false);
  for (const Plan::Result& result : plan.results) needed[result.slot] = true;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    for (int slot : step->slots) {
      if (needed[slot] || slot < static_cast<int>(plan.leaves)) continue;
      needed[slot] = true;
      step->last_used.push_back(slot);
    }
  }
  return plan;
}

}  // namespace tenon
