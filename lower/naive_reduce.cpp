#include "lower/naive_reduce.h"

#include <algorithm>

#include "core/ranges.h"
#include "lower/canonical.h"
#include "lower/naive_loops.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class ReduceNest {
 public:
  ReduceNest(Kernel& kernel, const Node& reduce, int target, const std::string& name)
      : kernel_(kernel),
        reduce_(reduce),
        order_(canonical_order(reduce)),
        target_(target),
        name_(name) {}

  void append_to(NodeValues& values) {
    make_axes();
    const auto terms =
        mapped(reduce_.inputs, [&](const NodeRef& input) { return values.value(*input, at_); });
    cut_axes();
    std::vector<Item> body;
    int partial = -1;  // the accumulator of the level below
    for (int level = 0; level < order_.levels(); level++) {
      const ValueRef term = level == 0 ? through_cuts(terms[0])
                                       : make_value(Load{{partial, in_strand()}}, reduce_.type);
      partial = accumulator(level);
      Store step{{partial, in_strand()}, term};
      if (level == 0 && terms.size() == 2) step.factor = through_cuts(terms[1]);
      step.combine = combine();
      step.over = loops_[level];
      const auto strands = strand_ ? std::vector{*strand_} : std::vector<Var>();
      append(body, wrap({{std::move(step)}}, strands));
      body = wrap(std::move(body), loops_[level]);
    }
    if (strand_) {
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
    strand_ = cut(order_.strand_axis, order_.strands, 1, "l");
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
    kernel_.limits.push_back({index, bound, unit == 1 && strand_ ? Tail::peel : Tail::mask});
  }

  ValueRef through_cuts(const ValueRef& value) const {
    return map_indices(value, replacing(kernel_, whole_, cuts_));
  }

  // The accumulator of a level. That of the last level is the target, unless there are strands.
  int accumulator(int level) {
    const bool is_last = level + 1 == order_.levels();
    if (is_last && !strand_) return target_;
    const char* const name = level == 0 ? "part" : is_last ? "tot" : "group";
    const int local = add_tensor(kernel_, reduce_, kernel_.unused_name(name), Where::heap);
    if (strand_) kernel_.tensors.back().extents.push_back(order_.strands);
    return local;
  }

  // The subscripts of a partial result.
  std::vector<Index> in_strand() const {
    std::vector<Index> at = kept_.at;
    if (strand_) at.push_back(Index::var(*strand_));
    return at;
  }

  Kernel& kernel_;
  const Node& reduce_;
  const CanonicalOrder order_;
  const int target_;
  const std::string name_;

  ShapeLoops kept_;
  std::vector<Var> whole_;               // per reduced axis; no loop runs over these in the end
  std::vector<Index> at_;                // of the inputs, over kept_ and whole_
  std::vector<Index> cuts_;              // per reduced axis: the index over the loops
  std::vector<std::vector<Var>> loops_;  // per level: the axes, outermost first
  std::optional<Var> strand_;
};

}  // namespace

void append_reduce(Kernel& kernel, NodeValues& values, const Node& reduce, int target,
                   const std::string& name) {
  ReduceNest(kernel, reduce, target, name).append_to(values);
}

}  // namespace tenon
