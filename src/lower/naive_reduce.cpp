#include "lower/naive_reduce.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "lower/canonical.h"
#include "lower/tree.h"

namespace tenon {
namespace {

std::string axis_name(const std::string& node, std::string_view letters, std::size_t position,
                      const std::string& suffix = "") {
  std::string letter(1, letters[position % letters.size()]);
  if (position >= letters.size()) letter += std::to_string(position / letters.size() + 1);
  return node + "." + letter + suffix;
}

// One level of the canonical order as loops: the axes, outermost first.
using Level = std::vector<Var>;

class ReduceNest {
 public:
  ReduceNest(Kernel& kernel, NodeValues& values, const Node& reduce, int target,
             const std::string& name)
      : kernel_(kernel),
        values_(values),
        reduce_(reduce),
        order_(canonical_order(reduce)),
        target_(target),
        name_(name) {}

  void append() {
    make_axes();
    const ValueRef term = value(0);
    const ValueRef factor = reduce_.inputs.size() == 2 ? value(1) : nullptr;
    cut_axes();
    make_accumulators();
    std::vector<Item> body;
    Store step = accumulate(0, through_cuts(term));
    if (factor) step.factor = through_cuts(factor);
    body.push_back({std::move(step), {}});
    body = wrap(in_lanes(std::move(body)), loops_[0]);
    for (std::size_t level = 1; level < loops_.size(); level++) {
      const int below = accumulators_[level - 1];
      std::vector<Item> add;
      add.push_back({accumulate(level, load(below)), {}});
      for (Item& item : in_lanes(std::move(add))) body.push_back(std::move(item));
      body = wrap(std::move(body), loops_[level]);
    }
    if (lane_) body.push_back({fold(), {}});
    for (Item& item : wrap(std::move(body), kept_.loops)) kernel_.body.push_back(std::move(item));
  }

 private:
  const Reduce& detail() const { return *reduce_.as<Reduce>(); }
  const Shape& shape() const { return reduce_.inputs[0]->shape; }

  // Whole axes, over which the values are written down first.
  void make_axes() {
    kept_ = loops_over(kernel_, reduce_.shape, name_);
    auto next = kept_.at.begin();
    for (std::size_t axis = 0; axis < shape().size(); axis++) {
      const bool reduced = std::find(detail().axes.begin(), detail().axes.end(),
                                     static_cast<int>(axis)) != detail().axes.end();
      if (reduced) whole_.push_back(kernel_.add_axis("", shape()[axis].value()));
      at_.push_back(reduced ? Index::var(whole_.back()) : *next++);
    }
  }

  ValueRef value(std::size_t input) { return values_.value(*reduce_.inputs[input], at_); }

  // Replaces each whole axis by the loops that the canonical order cuts it into. Levels that do
  // not move along an axis have no loop over it, but for one: there is always a step to take.
  void cut_axes() {
    constexpr std::string_view letters = "krstuvwxyz";
    loops_.resize(static_cast<std::size_t>(order_.levels()));
    cuts_.assign(whole_.size(), 0);
    for (std::size_t level = loops_.size(); level-- > 0;) {
      const bool last = level == 0 && std::ranges::all_of(order_.counts[0], [](std::int64_t count) {
                          return count == 1;
                        });
      for (std::size_t axis = 0; axis < whole_.size(); axis++) {
        const std::int64_t count = order_.counts[level][axis];
        if (count == 1 && !(last && axis + 1 == whole_.size())) continue;
        const std::string suffix(level, 'b');
        loops_[level].push_back(kernel_.add_axis(axis_name(name_, letters, axis, suffix), count));
        cuts_[axis] = cuts_[axis] + Index::var(loops_[level].back()) * order_.strides[level][axis];
        const bool has_lane = level == 0 && order_.lane_axis == static_cast<int>(axis);
        if (!has_lane) limit(axis, order_.strides[level][axis]);
      }
    }
    if (order_.lane_axis < 0) return;
    const auto axis = static_cast<std::size_t>(order_.lane_axis);
    lane_ = kernel_.add_axis(axis_name(name_, letters, axis, "l"), order_.lanes);
    cuts_[axis] = cuts_[axis] + Index::var(*lane_);
    limit(axis, 1);
  }

  // Bounds what is known so far of an axis, in units of the innermost loop that moves along it.
  void limit(std::size_t axis, std::int64_t unit) {
    const std::int64_t extent = kernel_.axes[whole_[axis]].extent;
    const std::int64_t bound = (extent + unit - 1) / unit;
    Index index;
    for (const Index::Term& term : cuts_[axis].terms())
      index = index + Index::var(term.var) * (term.coefficient / unit);
    if (extent == 0 || tenon::bounds(index, kernel_.bounds()).high < bound) return;
    kernel_.limits.push_back({index, bound, unit == 1 && lane_ ? Tail::peel : Tail::mask});
  }

  ValueRef through_cuts(const ValueRef& value) const {
    const VarBounds bounds = kernel_.bounds();
    const auto with = [&](Var v) {
      const auto axis = std::ranges::find(whole_, v);
      return axis == whole_.end() ? Index::var(v) : cuts_[axis - whole_.begin()];
    };
    return map_indices(value, [&](const Index& index) { return substitute(index, with, bounds); });
  }

  // One accumulator a level; the last is the target, unless its lanes have to be folded.
  void make_accumulators() {
    for (std::size_t level = 0; level < loops_.size(); level++) {
      const bool last = level + 1 == loops_.size();
      if (last && !lane_) {
        accumulators_.push_back(target_);
        continue;
      }
      const char* const name = level == 0 ? "part" : last ? "tot" : "group";
      KernelTensor local = tensor_for(reduce_, unused_name(kernel_, name), Where::heap);
      if (lane_) local.extents.push_back(order_.lanes);
      accumulators_.push_back(static_cast<int>(kernel_.tensors.size()));
      kernel_.tensors.push_back(std::move(local));
    }
  }

  std::vector<Index> place(bool with_lane) const {
    std::vector<Index> at = kept_.at;
    if (with_lane && lane_) at.push_back(Index::var(*lane_));
    return at;
  }

  ValueRef load(int tensor) const { return make_value(Load{tensor, place(true)}, reduce_.type); }

  Store accumulate(std::size_t level, ValueRef value) const {
    Store store{};
    store.tensor = accumulators_[level];
    store.at = place(true);
    store.value = std::move(value);
    store.combine = detail().combine;
    store.over = loops_[level];
    return store;
  }

  Store fold() const {
    Store store{};
    store.tensor = target_;
    store.at = place(false);
    store.value = make_value(
        Fold{accumulators_.back(), place(false), order_.lanes, detail().combine}, reduce_.type);
    return store;
  }

  std::vector<Item> in_lanes(std::vector<Item> body) const {
    return lane_ ? wrap(std::move(body), std::vector<Var>{*lane_}) : body;
  }

  Kernel& kernel_;
  NodeValues& values_;
  const Node& reduce_;
  const CanonicalOrder order_;
  const int target_;
  const std::string name_;

  ShapeLoops kept_;
  std::vector<Var> whole_;    // per reduced axis; no loop runs over these in the end
  std::vector<Index> at_;     // of the inputs, over kept_ and whole_
  std::vector<Index> cuts_;   // per reduced axis: the index over the loops
  std::vector<Level> loops_;  // per level
  std::optional<Var> lane_;
  std::vector<int> accumulators_;  // per level
};

}  // namespace

KernelTensor tensor_for(const Node& node, std::string name, Where where) {
  KernelTensor tensor{};
  tensor.name = std::move(name);
  tensor.type = node.type;
  tensor.extents = values(node.shape);
  tensor.where = where;
  return tensor;
}

std::string unused_name(const Kernel& kernel, const std::string& wanted) {
  std::string name = wanted;
  for (int copy = 2; kernel.find_tensor(name); copy++) name = wanted + std::to_string(copy);
  return name;
}

ShapeLoops loops_over(Kernel& kernel, const Shape& shape, const std::string& name) {
  constexpr std::string_view letters = "ijlmnopquvwxyz";
  ShapeLoops result;
  for (std::size_t axis = 0; axis < shape.size(); axis++) {
    const std::int64_t extent = shape[axis].value();
    result.at.emplace_back(0);
    if (extent == 1) continue;
    result.loops.push_back(kernel.add_axis(axis_name(name, letters, axis), extent));
    result.at.back() = Index::var(result.loops.back());
  }
  return result;
}

void append_reduce(Kernel& kernel, NodeValues& values, const Node& reduce, int target,
                   const std::string& name) {
  ReduceNest(kernel, values, reduce, target, name).append();
}

}  // namespace tenon
