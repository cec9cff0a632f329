#include "tuner/session/plan.h"

#include <iterator>
#include <ranges>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "lower/input_parts.h"

namespace tenon {

Structure structure_of(std::span<const NodeRef> wanted, const NodeTable& table) {
  Structure structure;
  const NodeOrder order = in_order(wanted, &table);
  const auto add = [&](int number) {
    structure.key.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  structure.key.reserve(order.nodes.size() * 128);  // bytes; more than most nodes take
  add(static_cast<int>(order.nodes.size()));
  for (const NodeRef& node : order.nodes) {
    if (node->as<BufferLeaf>()) {
      current_buffer(*node);  // throws where it was overwritten
      structure.leaves.push_back(node);
    }
    append_structure(*node, structure.key);
    for (const NodeRef& input : node->inputs) add(order.place(input));
  }
  for (const NodeRef& node : wanted) add(order.place(node));
  return structure;
}

Plan place(std::span<const NodeRef> wanted, std::span<const KernelGraph> kernels,
           std::span<const NodeRef> leaves) {
  std::unordered_map<const Node*, int> slots;
  for (const NodeRef& leaf : leaves) slots.emplace(leaf.get(), std::ssize(slots));

  Plan plan;
  plan.leaves = static_cast<int>(leaves.size());
  const auto slot_of = [&](const NodeRef& node) {
    const auto found = slots.find(node.get());
    check(found != slots.end(), "a kernel reads what no kernel before it writes");
    return found->second;
  };
  for (const KernelGraph& kernel : kernels) {
    Plan::Step step;
    const auto parts = parts_of(kernel);
    for (const NodeRef& input : kernel.inputs) {
      step.slots.push_back(slot_of(input));
      step.offsets.push_back(parts.at(input.get()).offset * info(input->type).bytes);
    }
    for (const NodeRef& output : kernel.outputs) {
      slots.emplace(output.get(), std::ssize(slots));
      plan.written.push_back(bytes(output->type, output->shape));
      step.slots.push_back(slot_of(output));
      step.offsets.push_back(0);
    }
    plan.steps.push_back(std::move(step));
  }
  for (const NodeRef& node : wanted) plan.results.push_back(slot_of(node));

  std::set<int> needed(plan.results.begin(), plan.results.end());  // by later steps
  for (Plan::Step& step : std::views::reverse(plan.steps))
    for (const int slot : step.slots)
      if (slot >= plan.leaves && needed.insert(slot).second) step.last_used.push_back(slot);
  return plan;
}

}  // namespace tenon
