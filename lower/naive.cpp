#include "lower/naive.h"

#include "core/error.h"
#include "lower/canonical.h"
#include "lower/input_parts.h"
#include "lower/merge.h"
#include "lower/naive_value.h"
#include "lower/tree.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// ---- loops ----

// The name of the loop over the axis in this position: `name`, a dot and one of the letters.
std::string axis_name(const std::string& name, std::string_view letters, std::size_t position) {
  return fmt::format("{}.{}", name, letters[position % letters.size()]);
}

// New loops `name`.i, j, l .. over a shape, and the index along each of its axes. An axis of one
// element has no loop, and its index is 0.
struct ShapeLoops {
  std::vector<Var> loops;
  std::vector<Index> at;
};
ShapeLoops loops_over(Kernel& kernel, const Shape& shape, const std::string& name) {
  ShapeLoops result;
  for (std::size_t axis = 0; axis < shape.size(); axis++) {
    const std::int64_t extent = shape[axis].value();
    const bool has_loop = extent != 1;
    if (has_loop)
      result.loops.push_back(kernel.add_axis(axis_name(name, "ijlmnopquvwxyz", axis), extent));
    result.at.push_back(has_loop ? Index::var(result.loops.back()) : 0);
  }
  return result;
}

// ---- reductions ----

// The loops of a Reduce, in its canonical order (canonical.h). They are named `name`.i, j, l .. for
// kept axes and k, r, s .. for reduced ones, with b for blocks (bb for groups of blocks) and l for
// strands (most schedules make them lanes):
//
//   for i 8
//     for kb 2
//       for k 16
//         for kl 64
//           part[i,kl] += x[i,1024*kb + 64*k + kl] over k
//       for kl 64
//         tot[i,kl] += part[i,kl] over kb
//     sum[i] = fold(tot[i,:64])
class ReduceNest {
 public:
  ReduceNest(Kernel& kernel, const Node& reduce, int target, const std::string& name)
      : kernel_(kernel), reduce_(reduce), target_(target), name_(name) {}

  // Appends loops that compute the Reduce into the target, and the locals that they need.
  void append_to(NodeValues& values) {
    make_axes();
    auto terms =
        mapped(reduce_.inputs, [&](const NodeRef& input) { return values.value(*input, at_); });
    cut_axes();
    for (ValueRef& term : terms) term = map_indices(term, replacing(kernel_, whole_, cuts_));
    std::vector<Item> body;
    int partial = -1;  // the accumulator of the level below
    for (int level = 0; level < order_.levels(); level++) {
      const ValueRef term =
          level == 0 ? terms[0] : make_value(Load{{partial, in_strand()}}, reduce_.type);
      partial = accumulator(level);
      Store step{{partial, in_strand()}, term};
      if (level == 0 && terms.size() == 2) step.factor = terms[1];
      step.combine = combine();
      step.over = loops_[level];
      append(body, wrap({{std::move(step)}}, strand_));
      body = wrap(std::move(body), loops_[level]);
    }
    if (!strand_.empty()) {
      Fold fold{
          {partial, in_strand(), static_cast<int>(kept_.at.size())}, order_.strands, combine()};
      fold.at.back() = 0;
      body.push_back({Store{{target_, kept_.at}, make_value(fold, reduce_.type)}});
    }
    append(kernel_.body, wrap(std::move(body), kept_.loops));
  }

 private:
  Combine combine() const { return reduce_.as<Reduce>()->combine; }

  // Makes one axis for each axis of the inputs. The terms are first written over these axes.
  void make_axes() {
    kept_ = loops_over(kernel_, reduce_.shape, name_);
    auto next = kept_.at.begin();
    const Shape& shape = reduce_.inputs[0]->shape;
    for (int axis = 0; axis < std::ssize(shape); axis++) {
      const bool is_reduced = contains(reduce_.as<Reduce>()->axes, axis);
      if (is_reduced) whole_.push_back(kernel_.add_axis("", shape[axis].value()));
      at_.push_back(is_reduced ? Index::var(whole_.back()) : *next++);
    }
  }

  // Replaces each whole axis by the loops into which the canonical order cuts it. A level that does
  // not move along an axis has no loop over it. One loop is there even if it has one iteration: the
  // loop over steps, because an accumulation needs an axis to run over.
  void cut_axes() {
    loops_.resize(order_.levels());
    cuts_.resize(whole_.size());
    const bool is_one_step =
        std::ranges::all_of(order_.counts[0], [](std::int64_t count) { return count == 1; });
    for (int level = order_.levels(); level-- > 0;)
      for (int axis = 0; axis < std::ssize(whole_); axis++) {
        const std::int64_t count = order_.counts[level][axis];
        const bool is_last = level == 0 && axis + 1 == std::ssize(whole_);
        if (count == 1 && !(is_last && is_one_step)) continue;
        const std::string suffix(level, 'b');
        loops_[level].push_back(cut(axis, count, order_.strides[level][axis], suffix));
        if (level > 0 || order_.strand_axis != axis) limit(axis, order_.strides[level][axis]);
      }
    if (order_.strand_axis < 0) return;
    strand_.push_back(cut(order_.strand_axis, order_.strands, 1, "l"));
    limit(order_.strand_axis, 1);
  }

  // A new loop of `count` steps along a whole axis.
  Var cut(int axis, std::int64_t count, std::int64_t stride, const std::string& suffix) {
    const Var v = kernel_.add_axis(axis_name(name_, "krstuvwxyz", axis) + suffix, count);
    cuts_[axis] = cuts_[axis] + Index::var(v) * stride;
    return v;
  }

  // Adds a limit for the part of an axis that has loops so far, in units of its innermost loop.
  void limit(int axis, std::int64_t unit) {
    const std::int64_t extent = kernel_.extent(whole_[axis]);
    const std::int64_t bound = (extent + unit - 1) / unit;
    const Index index = floordiv(cuts_[axis], unit, kernel_.bounds());
    if (extent == 0 || bounds(index, kernel_.bounds()).high < bound) return;
    const bool is_of_strands = unit == 1 && !strand_.empty();
    kernel_.limits.push_back({index, bound, is_of_strands ? Tail::peel : Tail::mask});
  }

  // The accumulator of a level. That of the last level is the target, unless there are strands.
  int accumulator(int level) {
    const bool is_last = level + 1 == order_.levels();
    if (is_last && strand_.empty()) return target_;
    const char* const name = level == 0 ? "part" : is_last ? "tot" : "group";
    std::vector<std::int64_t> extents = values(reduce_.shape);
    if (!strand_.empty()) extents.push_back(order_.strands);
    return kernel_.add_tensor({name, reduce_.type, std::move(extents), Where::heap});
  }

  // The subscripts of a partial result.
  std::vector<Index> in_strand() const {
    std::vector<Index> at = kept_.at;
    append(at, mapped(strand_, Index::var));
    return at;
  }

  Kernel& kernel_;
  const Node& reduce_;
  const int target_;
  const std::string name_;
  const CanonicalOrder order_ = canonical_order(reduce_);

  ShapeLoops kept_;
  std::vector<Var> whole_;               // per reduced axis; no loop runs over these in the end
  std::vector<Index> at_;                // of the inputs, over kept_ and whole_
  std::vector<Index> cuts_;              // per reduced axis: the index over the loops
  std::vector<std::vector<Var>> loops_;  // per level: the axes, outermost first
  std::vector<Var> strand_;              // the axis of the strands, or none
};

// ---- kernels ----

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
    const std::vector<const Node*> order = name_nodes();
    const auto parts = parts_of(graph_);
    for (const NodeRef& input : graph_.inputs) {
      const InputPart& part = parts.at(input.get());
      values_.set_tensor(*input, add(*input, part.shape), part);
      kernel_.tensors.back().missing = part.missing;
    }
    for (const NodeRef& output : graph_.outputs) {
      add(*output, output->shape);
      kernel_.tensors.back().is_output = true;
    }
    for (const NodeRef& local : graph_.locals) add(*local, local->shape, Where::heap);
    for (const Node* node : order) compute(*node);
    join_divided_axes(kernel_, Left::fewer);
    return std::move(kernel_);
  }

 private:
  // Names the inputs and the nodes that have memory. Returns the latter, each after the nodes that
  // it reads.
  std::vector<const Node*> name_nodes() {
    for (std::size_t i = 0; i < graph_.inputs.size(); i++)
      names_[graph_.inputs[i].get()] = fmt::format("in{}", i);
    std::vector<std::string> taken;  // such as `sum`, `sum2`, `sum3`
    const auto is_taken = [&](const std::string& name) { return contains(taken, name); };
    std::vector<const Node*> order;
    for (const NodeRef& node : nodes_of(graph_)) {
      if (!contains(graph_.locals, node) && !contains(graph_.outputs, node)) continue;
      order.push_back(node.get());
      names_[node.get()] = taken.emplace_back(unused(kind_name(*node), is_taken));
    }
    kernel_.name =
        joined(graph_.outputs, "_", [&](const NodeRef& output) { return names_[output.get()]; });
    return order;
  }

  int add(const Node& node, const Shape& shape, Where where = Where::argument) {
    return kernel_.add_tensor({names_[&node], node.type, values(shape), where});
  }

  // Appends the loops of a node and merges them into the loops before it, where the rows agree.
  void compute(const Node& node) {
    const std::size_t start = kernel_.body.size();
    const int target = *kernel_.find_tensor(names_[&node]);
    if (node.as<Reduce>())
      ReduceNest(kernel_, node, target, names_[&node]).append_to(values_);
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

  const KernelGraph& graph_;
  Kernel kernel_;
  NodeValues values_;
  std::unordered_map<const Node*, std::string> names_;
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
