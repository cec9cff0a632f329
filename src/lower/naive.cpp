#include "lower/naive.h"

#include <algorithm>
#include <cctype>
#include <unordered_set>

#include <fmt/format.h>

#include "core/error.h"
#include "lower/merge.h"
#include "lower/naive_reduce.h"
#include "lower/naive_value.h"
#include "lower/tree.h"

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

// A leaf's name as a word that schedules can contain; "" where it has none.
std::string leaf_name(const Node& node) {
  const auto* leaf = node.as<BufferLeaf>();
  std::string name = leaf ? leaf->name : "";
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0]))) name = "_" + name;
  return name;
}

class NaiveNest {
 public:
  explicit NaiveNest(const KernelGraph& graph) : graph_(graph), values_(kernel_) {}

  Kernel build() {
    name_computed();
    for (const NodeRef& input : graph_.inputs)
      values_.set_tensor(*read_as(input), add_input(*read_as(input)));
    for (const NodeRef& output : graph_.outputs) add_computed(*output, true);
    for (const NodeRef& local : graph_.locals) add_computed(*local, false);
    for (const Node* node : order_) append(*node);
    flatten_arguments();
    return std::move(kernel_);
  }

 private:
  // The nodes that have memory of their own, each after those that it reads, and their names.
  void name_computed() {
    for (const NodeRef& input : graph_.inputs) walked_.insert(input.get());
    for (const auto* nodes : {&graph_.locals, &graph_.outputs})
      for (const NodeRef& node : *nodes) find_gathered(*node);
    for (const NodeRef& input : graph_.inputs) seen_.insert(read_as(input));
    for (const NodeRef& node : graph_.locals) computed_.insert(node.get());
    for (const NodeRef& node : graph_.outputs)
      if (!is_reshape(*node)) computed_.insert(node.get());
    std::vector<const Node*> outputs;
    for (const NodeRef& node : graph_.outputs) {
      outputs.push_back(stored_as(node));
      computed_.insert(outputs.back());
    }
    for (const NodeRef& node : graph_.locals) visit(*node);
    for (const Node* node : outputs) visit(*node);
    std::unordered_map<std::string, int> count;
    for (const Node* node : order_) {
      const std::string kind = kind_name(*node);
      const int copy = ++count[kind];
      names_[node] = copy == 1 ? kind : kind + std::to_string(copy);
    }
    for (const Node* output : outputs)
      kernel_.name += (kernel_.name.empty() ? "" : "_") + names_[output];
    for (std::size_t i = 0; i < outputs.size(); i++) stored_[graph_.outputs[i].get()] = outputs[i];
  }

  // What a Gather takes elements of, which keeps its shape.
  void find_gathered(const Node& node) {
    if (!walked_.insert(&node).second) return;
    if (node.as<Gather>()) gathered_.insert(node.inputs[0].get());
    for (const NodeRef& input : node.inputs) find_gathered(*input);
  }

  // An input that is a reshape holds what is below it, in the same order.
  const Node* read_as(const NodeRef& input) const {
    return is_reshape(*input) && !gathered_.contains(input.get()) ? input->inputs[0].get()
                                                                  : input.get();
  }

  // The node whose loops compute an output: itself, or what it is a reshape of.
  const Node* stored_as(const NodeRef& node) const {
    if (!is_reshape(*node)) return node.get();
    const Node* below = node->inputs[0].get();
    const bool has_memory = below->is_leaf() || seen_.contains(below) || computed_.contains(below);
    return has_memory ? node.get() : below;
  }

  void visit(const Node& node) {
    if (!seen_.insert(&node).second) return;
    for (const NodeRef& input : node.inputs) visit(*input);
    if (computed_.contains(&node)) order_.push_back(&node);
  }

  int add_tensor(KernelTensor tensor) {
    kernel_.tensors.push_back(std::move(tensor));
    return static_cast<int>(kernel_.tensors.size()) - 1;
  }

  int add_input(const Node& node) {
    std::string name = leaf_name(node);
    if (name.empty()) name = fmt::format("in{}", kernel_.tensors.size());
    const auto taken = [&] {
      return kernel_.find_tensor(name) ||
             std::ranges::any_of(names_, [&](auto& n) { return n.second == name; });
    };
    const std::string wanted = name;
    for (int copy = 2; taken(); copy++) name = fmt::format("{}_{}", wanted, copy);
    return add_tensor(tensor_for(node, name, Where::argument));
  }

  void add_computed(const Node& node, bool is_output) {
    const Node& stored = is_output ? *stored_.at(&node) : node;
    KernelTensor tensor =
        tensor_for(stored, names_[&stored], is_output ? Where::argument : Where::heap);
    tensor.is_output = is_output;
    targets_[&stored] = add_tensor(std::move(tensor));
  }

  // Appends the loops of a node and merges them into the loops before it, where the rows agree.
  void append(const Node& node) {
    const std::size_t start = kernel_.body.size();
    const int target = targets_.at(&node);
    if (node.as<Reduce>())
      append_reduce(kernel_, values_, node, target, names_[&node]);
    else if (node.as<Scatter>())
      append_scatter(node, target);
    else
      append_elements(node, node, target);
    values_.set_tensor(node, target);
    merge_all(kernel_, kernel_.body, start, {});
  }

  void append_loops(Store store, const std::vector<Var>& axes) {
    std::vector<Item> body;
    body.push_back({std::move(store), {}});
    for (Item& item : wrap(std::move(body), axes)) kernel_.body.push_back(std::move(item));
  }

  // target[i,j] = value[i,j]; the axes are named after `owner`.
  void append_elements(const Node& owner, const Node& value, int target) {
    const ShapeLoops over = loops_over(kernel_, value.shape, names_[&owner]);
    Store store{};
    store.tensor = target;
    store.at = over.at;
    store.value = values_.value(value, store.at);
    append_loops(std::move(store), over.loops);
  }

  // A copy of the base, then the updates in ascending order of the index's positions, which are the
  // inner loops.
  void append_scatter(const Node& node, int target) {
    const auto& scatter = *node.as<Scatter>();
    const Node &base = *node.inputs[0], &index = *node.inputs[1], &update = *node.inputs[2];
    append_elements(node, base, target);
    const ShapeLoops over = loops_over(kernel_, update.shape, names_[&node]);
    const auto first = over.at.begin() + scatter.axis;
    const auto last = first + static_cast<std::ptrdiff_t>(index.shape.size());
    const std::vector<Index> position(first, last);

    Store store{};
    store.tensor = target;
    store.at.assign(over.at.begin(), first);
    store.at.emplace_back(0);
    store.at.insert(store.at.end(), last, over.at.end());
    store.value = values_.value(update, over.at);
    store.computed_axis = scatter.axis;
    store.computed = values_.value(index, position);
    std::vector<Var> kept, positions;
    for (Var v : over.loops) {
      const bool is_position = std::find(first, last, Index::var(v)) != last;
      (is_position ? positions : kept).push_back(v);
    }
    if (scatter.add) {
      store.combine = Combine::sum;
      store.over = positions;
      store.initial = false;
    }
    kept.insert(kept.end(), positions.begin(), positions.end());
    append_loops(std::move(store), kept);
  }

  // A reshape in between shows as quotients and remainders in the subscripts of an argument. Where
  // reading two axes of it as one makes them vanish, its memory is declared like that.
  void flatten_arguments() {
    for (std::size_t t = 0; t < kernel_.tensors.size(); t++)
      for (std::size_t axis = 0; axis + 1 < kernel_.tensors[t].extents.size();)
        if (!flatten(static_cast<int>(t), axis)) axis++;
  }

  static int divisions(const Index& index) {
    int count = 0;
    for (const Index::Term& term : index.terms())
      if (term.kind != Index::Kind::var) count += 1 + divisions(*term.inner);
    return count;
  }

  // Joins the axes `axis` and `axis` + 1 of an argument, if that leaves fewer divisions.
  bool flatten(int tensor, std::size_t axis) {
    KernelTensor& declared = kernel_.tensors[tensor];
    if (declared.where != Where::argument) return false;
    const std::int64_t inner = declared.extents[axis + 1];
    const auto joined = [&](const std::vector<Index>& at) {
      return at[axis] * inner + at[axis + 1];
    };
    int before = 0, after = 0;
    bool possible = true;
    const auto count = [&](const std::vector<Index>& at, int computed_axis) {
      const int apart = divisions(at[axis]) + divisions(at[axis + 1]);
      possible = possible && computed_axis < 0 && divisions(joined(at)) <= apart;
      before += apart;
      after += divisions(joined(at));
    };
    for (const Use& use : uses_of(kernel_.body, tensor)) count(use.at, use.computed_axis);
    if (!possible || after >= before) return false;

    kernel_.body = map_accesses(kernel_.body, tensor, [&](int&, std::vector<Index>& at) {
      at[axis] = joined(at);
      at.erase(at.begin() + static_cast<std::ptrdiff_t>(axis) + 1);
    });
    declared.extents[axis] *= inner;
    declared.extents.erase(declared.extents.begin() + static_cast<std::ptrdiff_t>(axis) + 1);
    return true;
  }

  const KernelGraph& graph_;
  Kernel kernel_;
  NodeValues values_;
  std::unordered_set<const Node*> walked_, gathered_, seen_, computed_;
  std::vector<const Node*> order_;
  std::unordered_map<const Node*, std::string> names_;
  std::unordered_map<const Node*, const Node*> stored_;  // outputs, and what computes them
  std::unordered_map<const Node*, int> targets_;
};

}  // namespace

Kernel naive(const KernelGraph& graph) { return NaiveNest(graph).build(); }

}  // namespace tenon
