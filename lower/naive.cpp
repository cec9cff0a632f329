#include "lower/naive.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/merge.h"
#include "lower/naive_loops.h"
#include "lower/naive_reduce.h"
#include "lower/naive_value.h"
#include "lower/uses.h"

namespace tenon {
namespace {

std::string kind_name(const Node& node) {
  if (const auto* reduce = node.as<Reduce>())
    return reduce->combine == Combine::sum ? "sum" : "max";
  if (node.as<Map>()) return "map";
  if (node.as<View>()) return "copy";
  if (node.as<Gather>()) return "gather";
  return node.as<Scatter>() ? "scatter" : "fill";
}

class NaiveNest {
 public:
  explicit NaiveNest(const KernelGraph& graph) : graph_(graph), values_(kernel_) {}

  Kernel build() {
    name_nodes();
    for (const NodeRef& input : graph_.inputs) values_.set_tensor(*input, add(*input));
    for (const NodeRef& output : graph_.outputs) {
      targets_[output.get()] = add(*output);
      kernel_.tensors.back().is_output = true;
    }
    for (const NodeRef& local : graph_.locals) targets_[local.get()] = add(*local, Where::heap);
    for (const Node* node : order_) compute(*node);
    flatten_arguments();
    return std::move(kernel_);
  }

 private:
  // Names the inputs and the nodes that have memory, and lists the latter, each after the nodes
  // that it reads.
  void name_nodes() {
    for (std::size_t i = 0; i < graph_.inputs.size(); i++)
      names_[graph_.inputs[i].get()] = fmt::format("in{}", i);
    std::unordered_set<NodeRef> computed(graph_.locals.begin(), graph_.locals.end());
    computed.insert(graph_.outputs.begin(), graph_.outputs.end());
    const auto is_taken = [&](const std::string& name) {
      return std::ranges::any_of(names_, [&](const auto& known) { return known.second == name; });
    };
    for (const NodeRef& node : nodes_of(graph_)) {
      if (!computed.contains(node)) continue;
      order_.push_back(node.get());
      names_[node.get()] = unused(kind_name(*node), is_taken);
    }
    kernel_.name =
        joined(graph_.outputs, "_", [&](const NodeRef& output) { return names_[output.get()]; });
  }

  int add(const Node& node, Where where = Where::argument) {
    return add_tensor(kernel_, node, names_[&node], where);
  }

  // Appends the loops of a node and merges them into the loops before it, where the rows agree.
  void compute(const Node& node) {
    const std::size_t start = kernel_.body.size();
    const int target = targets_.at(&node);
    if (node.as<Reduce>())
      append_reduce(kernel_, values_, node, target, names_[&node]);
    else if (node.as<Scatter>())
      scatter(node, target);
    else
      compute_elements(node, node, target);
    values_.set_tensor(node, target);
    merge_all(kernel_, kernel_.body, start, {});
  }

  // target[i,j] = value[i,j]; the axes are named after `owner`.
  void compute_elements(const Node& owner, const Node& value, int target) {
    const ShapeLoops over = loops_over(kernel_, value.shape, names_[&owner]);
    Store store{{target, over.at}, values_.value(value, over.at)};
    append(kernel_.body, wrap({{std::move(store)}}, over.loops));
  }

  // First copies the base, then applies the updates. The loops over the index's positions are the
  // inner ones, so updates of one element are applied in ascending order of these positions.
  void scatter(const Node& node, int target) {
    const auto& scatter = *node.as<Scatter>();
    const Node &base = *node.inputs[0], &index = *node.inputs[1], &update = *node.inputs[2];
    compute_elements(node, base, target);
    const ShapeLoops over = loops_over(kernel_, update.shape, names_[&node]);
    const ComputedAxis axis = computed_axis(over.at, scatter.axis, index);
    const ValueRef computed = values_.value(index, axis.index_at);
    Store store{{target, axis.data_at, scatter.axis, computed}, values_.value(update, over.at)};
    std::vector<Var> loops, positions;
    for (Var v : over.loops)
      (contains(axis.index_at, Index::var(v)) ? positions : loops).push_back(v);
    append(loops, positions);
    if (scatter.add) {
      store.combine = Combine::sum;
      store.over = positions;
      store.initial = false;
    }
    append(kernel_.body, wrap({{std::move(store)}}, loops));
  }

  // A reshape between an argument and its reader shows as quotients and remainders in subscripts of
  // the argument. If they vanish when two axes are read as one, the argument is declared with one.
  void flatten_arguments() {
    Uses uses(kernel_.body);
    for (int t = 0; t < std::ssize(kernel_.tensors); t++)
      for (int axis = 0; axis + 1 < std::ssize(kernel_.tensors[t].extents);)
        if (flatten(t, axis, uses.of(t)))
          uses = Uses(kernel_.body);
        else
          axis++;
  }

  // Joins the axes `axis` and `axis` + 1 of an argument, if that leaves fewer divisions.
  bool flatten(int tensor, int axis, const std::vector<Use>& uses) {
    const KernelTensor& declared = kernel_.tensors[tensor];
    if (declared.where != Where::argument) return false;
    int before = 0, after = 0;
    for (const Use& use : uses) {
      const std::vector<Index>& at = use.access.at;
      const int apart = at[axis].divisions() + at[axis + 1].divisions();
      const int together = flat(declared, at, axis, 2).divisions();
      if (use.access.computed_axis >= 0 || together > apart) return false;
      before += apart;
      after += together;
    }
    if (after >= before) return false;
    join_axes(kernel_, tensor, axis, 2);
    return true;
  }

  const KernelGraph& graph_;
  Kernel kernel_;
  NodeValues values_;
  std::vector<const Node*> order_;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, int> targets_;
};

}  // namespace

Kernel naive(const KernelGraph& graph) {
  Kernel kernel = NaiveNest(graph).build();
  if constexpr (TENON_VERIFY != 0)
    if (const auto broken = verify(kernel))
      check(false, [&] { return *broken + "\nin the naive nest\n" + print(kernel); });
  return kernel;
}

}  // namespace tenon
