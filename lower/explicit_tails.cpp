// explicit_tails: replaces the limits by ends of loops, peeled loops and conditions.
//
//   limit 8*io + ii < 100 peel             for io 13 to 12
//   for io 13                                for ii 8 unroll
//     for ii 8 unroll                ->        y[8*io + ii] = ..
//       y[8*io + ii] = ..                  for ii 8 to 4 unroll
//                                            y[ii + 96] = ..
//
// A limit becomes the end of a loop if it has the loop's axis as a term with a positive factor and
// no vector axis in its other terms; the end of an unrolled loop must also be a number. Otherwise
// the limit becomes a `when` of the items in the loop: the guard of an unrolled copy or, after
// name_lanes, a mask.
//
// A peel makes two loops of the loop around an unrolled or vector tile. The first runs over whole
// tiles and needs no guards. The second runs over what is left. If that is a single tile at a known
// value of the axis, there is no second loop: its body stands there with that value. A parallel
// loop stays one loop, so that the threads share all of it; its body has both forms, each under a
// `when`.
//
// A loop is cut in the same way where the conditions of the values in it begin or cease to hold, so
// that the tests of a padded edge do not stand in the interior:
//
//   for i 100                                for i 100 to 1
//     y[i] = (x[i - 1] if i >= 1 else 0)       y[i] = 0
//                                     ->     for i 100 from 1
//                                              y[i] = x[i - 1]
#include <set>

#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::size_t most_copies = 40;  // of code, by all cuts of the loops around it

// Rewrites the items at one place of the nest. The members hold what is known at that place. For
// the body of a loop the object is copied, and more is known in the copy.
class Tails {
 public:
  explicit Tails(const Kernel& kernel) : kernel_(kernel) {}

  std::vector<Item> run(const std::vector<Item>& items) const {
    return flat_mapped(items, [&](Item item) -> std::vector<Item> {
      if (!settle(item.when)) return {};
      if (const Loop* loop = item.loop()) return under(item.when, this->loop(*loop));
      if (Store* store = item.store()) settle(*store);
      return {std::move(item)};
    });
  }

 private:
  struct Part {  // of a loop
    Range fact;  // what holds in the part
    std::optional<Index> begin = {}, end = {};
    std::optional<Index> only = {};  // the axis in the only iteration, if its value is known
    bool is_whole = false;           // all its tiles are whole: it may be peeled or cut once more
  };

  std::vector<Item> guarded(const std::vector<Item>& items, std::vector<Range> guards) const {
    if (!settle(guards)) return {};
    return under(guards, run(items));
  }

  // Drops the ranges that always hold. Returns false if one of the ranges never holds.
  bool settle(std::vector<Range>& ranges) const {
    bool can_hold = true;
    std::erase_if(ranges, [&](const Range& range) {
      can_hold = can_hold && !never(range, bounds_, facts_);
      return always(range, bounds_, facts_);
    });
    return can_hold;
  }

  void settle(Store& store) const {
    replace_values(store, [&](Value& value) {
      if (const auto* apply = std::get_if<Apply>(&value.detail)) {
        const ValueRef known = decided(*apply, value.type);
        if (known) value = Value(*known);
        return known != nullptr;
      }
      auto* ranges = ranges_in(value.detail);
      if (!ranges || ranges->empty()) return false;
      const bool can_hold = settle(*ranges);
      const auto* load = std::get_if<Load>(&value.detail);
      if (!can_hold)
        value.detail = Constant{load ? load->fill : 0};
      else if (!load && ranges->empty())
        value.detail = Constant{1};
      return true;
    });
  }

  // What the operation gives, if it compares an index with a number and all iterations agree, or if
  // it chooses and the choice is known; else null.
  ValueRef decided(const Apply& apply, Type type) const {
    const auto* choice = std::get_if<Constant>(&apply.operands[0]->detail);
    if (apply.op == ScalarOp::where && choice) return apply.operands[choice->value != 0 ? 1 : 2];
    if (apply.op != ScalarOp::lt) return {};
    const auto* index = std::get_if<IndexValue>(&apply.operands[0]->detail);
    const auto* limit = std::get_if<Constant>(&apply.operands[1]->detail);
    if (!index || !limit) return {};
    const Bounds of = bounds(index->index, bounds_, facts_);
    const bool always = static_cast<double>(of.high) < limit->value;
    const bool never = static_cast<double>(of.low) >= limit->value;
    return always || never ? make_value(Constant{always ? 1.0 : 0.0}, type) : nullptr;
  }

  bool has(Var axis, Tag tag) const { return kernel_.axes[axis].tag == tag; }
  bool is_around(Var axis) const { return contains(path_, axis); }
  // Does the code hold all values of the axis, as copies or as lanes?
  bool is_expanded(Var axis) const { return has(axis, Tag::unroll) || has(axis, Tag::vector); }
  bool has_lanes(const Index& index) const {
    return std::ranges::any_of(index.vars(), [&](Var v) { return has(v, Tag::vector); });
  }

  std::vector<Item> loop(Loop loop) const {
    if (kernel_.extent(loop.axis) == 0) return {};
    if (kernel_.extent(loop.axis) == 1) return guarded(loop.body, runs_at(loop, 0));
    std::vector<Range> guards = limits_at(loop.axis);
    Tails inside = *this;
    if (!has(loop.axis, Tag::vector)) append(inside.facts_, shorten(loop, guards));
    return inside.parts(loop, guards);
  }

  // The conditions under which the loop runs an iteration with its axis at this value.
  std::vector<Range> runs_at(const Loop& loop, const Index& at) const {
    std::vector<Range> result = {{at, 0, kernel_.extent(loop.axis)}};
    for (const Index& end : loop.ends) result.push_back({at - end, -anything, 0});
    for (const Index& begin : loop.begins) result.push_back({at - begin, 0, anything});
    return result;
  }

  // The conditions that the limits put on one iteration of a loop over the axis, given the loops
  // around it.
  std::vector<Range> limits_at(Var axis) const {
    std::vector<Range> ranges;
    for (const Limit& limit : limits_) {
      if (!limit.index.uses(axis)) continue;
      const auto index =
          index_at_start(limit.index, [&](Var v) { return v == axis || is_around(v); });
      if (index) ranges.push_back({*index, -anything, limit.bound});
    }
    return ranges;
  }

  // Turns guards into ends of the loop where that is possible. Moves them from `guards` to the
  // result: they hold in the whole loop. An unrolled loop ends at a number.
  std::vector<Range> shorten(Loop& loop, std::vector<Range>& guards) const {
    std::vector<Range> ended;
    std::erase_if(guards, [&](const Range& guard) {
      const std::int64_t step = guard.index.coefficient(loop.axis);
      const Index rest = guard.index - Index::var(loop.axis) * step;
      if (step <= 0 || rest.uses(loop.axis) || has_lanes(rest)) return false;
      if (has(loop.axis, Tag::unroll) && !rest.is_constant()) return false;
      const Index end = floordiv(Index(guard.high + step - 1) - rest, step, bounds_);
      add_end(loop, end);
      ended.push_back(guard);
      return true;
    });
    return ended;
  }

  // Adds an end to the loop. An end that is never less than another one is left out.
  void add_end(Loop& loop, const Index& end) const {
    const auto is_below = [&](const Index& a, const Index& b) {
      return bounds(b - a, bounds_).low >= 0;
    };
    if (is_below(kernel_.extent(loop.axis), end) ||
        std::ranges::any_of(loop.ends, [&](const Index& other) { return is_below(other, end); }))
      return;
    std::erase_if(loop.ends, [&](const Index& other) { return is_below(end, other); });
    loop.ends.push_back(end);
  }

  // The loop, or the parts that it is peeled or cut into.
  std::vector<Item> parts(const Loop& loop, const std::vector<Range>& guards) const {
    if (is_expanded(loop.axis)) return unpeeled(loop, guards);
    const std::vector<Part> peeled = peel(loop), all = peeled.empty() ? cut(loop) : peeled;
    if (all.empty()) return unpeeled(loop, guards);
    const bool is_shared = has(loop.axis, Tag::parallel) && !is_parallel_;
    std::vector<Item> result = flat_mapped(all, [&](const Part& part) -> std::vector<Item> {
      if (part.only) {
        const Index away = Index::var(loop.axis) - *part.only;
        const std::int64_t at = -away.constant();
        std::vector<Range> runs = {{away + Index(at), at, at + 1}};
        if (!is_shared) runs = runs_at(loop, *part.only);
        if (!settle(runs)) return {};
        return under(runs, tile(loop, *part.only, guards));
      }
      Tails inside = *this;
      inside.facts_.push_back(part.fact);
      if (peeled.empty()) inside.copies_ *= all.size();
      if (is_shared) return under({part.fact}, inside.body(loop, guards));
      Loop one = loop;
      if (part.end) add_end(one, *part.end);
      if (part.begin) append_once(one.begins, *part.begin);
      return part.is_whole ? inside.parts(one, guards) : inside.unpeeled(one, guards);
    });
    if (!is_shared || result.empty()) return result;
    return {{Loop{loop.axis, std::move(result), loop.begins, loop.ends}}};
  }

  // The parts between the places where conditions of values in the loop begin or cease to hold, or
  // to be possible, whatever the axes inside of the loop are. Most conditions hold in all of a
  // part, or never. There are no parts if a condition on the loop's axis would remain in all of
  // them, because it depends on the loops around too. There are none either if an unrolled sum in
  // the loop has no condition on the axis: its long code would stand there several times for
  // nothing.
  std::vector<Part> cut(const Loop& loop) const {
    std::int64_t last = kernel_.extent(loop.axis);
    for (const Index& end : loop.ends)
      if (end.is_constant()) last = std::clamp<std::int64_t>(end.constant(), 0, last);
    std::set<std::int64_t> seams{0, last};
    bool remains = false, is_used = false;
    const auto add = [&](const Range& range) {
      const std::int64_t step = range.index.coefficient(loop.axis);
      const Index rest = range.index - Index::var(loop.axis) * step;
      const auto is_outside = [&](Var v) { return v == loop.axis || is_around(v); };
      if (step == 0) return;
      if (step < 0 || std::ranges::any_of(rest.vars(), is_outside)) {
        std::vector<Range> left{range};
        remains = remains || (settle(left) && !left.empty());
        return;
      }
      is_used = true;
      const Bounds other = bounds(rest, bounds_);
      for (const std::int64_t limit : {range.low, range.high})
        for (const std::int64_t value : {other.low, other.high}) {
          const Index first = floordiv(limit - value + step - 1, step, bounds_);
          if (first.constant() > 0 && first.constant() < last) seams.insert(first.constant());
        }
    };
    visit_stores(loop.body, [&](const Store& store, const Path& path) {
      const auto is_copied = [&](Var v) { return has(v, Tag::unroll); };
      is_used = false;
      visit_values(store, [&](const Value& value) {
        if (const auto* ranges = ranges_in(value.detail)) std::ranges::for_each(*ranges, add);
      });
      remains = remains || (store.combine && !is_used && std::ranges::any_of(path, is_copied));
    });
    std::vector<Part> result;
    const std::size_t parts = seams.size() - 1;
    if (remains || parts == 1 || copies_ * parts > most_copies) return result;
    for (auto end = std::next(seams.begin()); end != seams.end(); ++end) {
      const std::int64_t begin = *std::prev(end);
      result.push_back({.fact = {Index::var(loop.axis), begin, *end}, .end = *end});
      if (begin > 0) result.back().begin = begin;
    }
    return result;
  }

  std::vector<Item> unpeeled(Loop loop, const std::vector<Range>& guards) const {
    loop.body = body(loop, guards);
    if (loop.body.empty()) return {};
    return {{std::move(loop)}};
  }

  // The loop's body under the guards.
  std::vector<Item> body(const Loop& loop, const std::vector<Range>& guards) const {
    Tails inside = *this;
    inside.path_.push_back(loop.axis);
    inside.is_parallel_ = is_parallel_ || has(loop.axis, Tag::parallel);
    return inside.guarded(loop.body, guards);
  }

  // The loop's body under the guards, with `at` in place of its axis.
  std::vector<Item> tile(Loop loop, const Index& at, const std::vector<Range>& guards) const {
    const IndexMap map = replacing(kernel_, {loop.axis}, {at});
    replace_indices(loop.body, map);
    Tails inside = *this;
    for (Limit& limit : inside.limits_) limit.index = map(limit.index);
    inside.facts_ = map_indices(facts_, map);
    return inside.guarded(loop.body, map_indices(guards, map));
  }

  // The whole tiles and what is left, if the loop is peeled. It is peeled for a limit if it is the
  // innermost of the limit's loops that is not expanded.
  std::vector<Part> peel(const Loop& loop) const {
    const auto is_inside = [&](Var v) { return v != loop.axis && !is_around(v); };
    for (const Limit& limit : limits_) {
      const std::int64_t step = limit.index.coefficient(loop.axis);
      if (limit.tail != Tail::peel || step <= 0 || !limit.index.is_affine()) continue;
      const Parts parts = take_apart(limit.index, is_inside);
      if (!is_tile(loop, limit.index, parts.moving.vars()) || has_lanes(parts.still)) continue;
      // start + length <= bound
      const Index start = parts.still + Index(limit.index.constant());  // of a tile
      const std::int64_t length = bounds(limit.index - start, bounds_).high + 1;
      if (bounds(start, bounds_, facts_).high + length <= limit.bound) continue;
      const Index rest = start - Index::var(loop.axis) * step;
      const std::int64_t most = limit.bound - length;  // where the last whole tile may start
      const Index middle = floordiv(Index(most + step) - rest, step, bounds_);
      std::vector<Part> result = {
          {.fact = {start, -anything, most + 1}, .end = middle, .is_whole = true},
          {.fact = {start, most + 1, anything}, .begin = middle}};
      const bool is_even = mod(start, step, bounds_) == Index(0);
      if (is_even && start.constant() == 0 && length <= step)
        result.back().only = floordiv(Index(limit.bound / step * step) - rest, step, bounds_);
      return result;
    }
    return {};
  }

  // Are the axes those of a tile in the loop: expanded loops, one inside the other?
  bool is_tile(const Loop& loop, const Index& index, const std::vector<Var>& axes) const {
    const auto is_part = [&](Var v) { return index.coefficient(v) > 0 && is_expanded(v); };
    return !axes.empty() && std::ranges::all_of(axes, is_part) && are_nested(loop.body, axes);
  }

  const Kernel& kernel_;
  const VarBounds bounds_ = kernel_.bounds();
  // With values in place of axes that are no longer loops.
  std::vector<Limit> limits_ = kernel_.limits;
  std::vector<Range> facts_;  // known to hold here, by a loop's end or by a branch
  Path path_;
  bool is_parallel_ = false;  // inside a parallel loop
  std::size_t copies_ = 1;    // of the code here, because loops around are cut
};

// Replaces every axis of one iteration by 0.
void remove_single_iterations(Kernel& kernel) {
  std::vector<Var> single;
  for (Var v = 0; v < std::ssize(kernel.axes); ++v)
    if (kernel.extent(v) == 1) single.push_back(v);
  const IndexMap map = replacing(kernel, single, std::vector<Index>(single.size(), 0));
  replace_indices(kernel.body, map);
  for (Limit& limit : kernel.limits) limit.index = map(limit.index);
}

}  // namespace

Kernel explicit_tails(Kernel kernel) {
  remove_single_iterations(kernel);
  kernel.body = Tails(kernel).run(kernel.body);
  kernel.limits.clear();
  return kernel;
}

}  // namespace tenon
