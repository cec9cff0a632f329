// splitreduce: the partial results of one level of a reduction are kept apart, so that they may be
// computed in any order or at once, and meet in a loop of their own, in order. Halide, TVM:
// rfactor; also split-K.
//
//   for kb 4                           splitreduce kb        for kb 4
//     for k 256                                                for k 256
//       part += x[256*kb + k] over k                             part[kb] += x[256*kb + k] over k
//     s += part over kb                                      for kb.meet 4
//                                                              s += part[kb.meet] over kb.meet
#include <fmt/format.h>

#include <algorithm>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

bool is_over(const Store& store, Var axis) { return contains(store.over, axis); }

bool adds_over(const std::vector<Item>& items, Var axis) {
  bool found = false;
  visit_stores(items,
               [&](const Store& store, const Path&) { found = found || is_over(store, axis); });
  return found;
}

// Divides the loop's body: what adds up over the axis, and everything else.
struct Division {
  std::vector<Item> partial, meeting;
};
Division divide(const std::vector<Item>& body, Var axis) {
  Division division;
  for (const Item& item : body)
    (adds_over({item}, axis) ? division.meeting : division.partial).push_back(item);
  return division;
}

std::vector<Var> loops_in(const std::vector<Item>& items) {
  std::vector<Var> axes;
  visit(items, [&](const Item& item, const Path&) {
    if (item.loop()) append_once(axes, item.loop()->axis);
  });
  return axes;
}

// Limits over the axis hold where the partial results meet too: what got no term was not stored.
void limit_meeting(Kernel& kernel, const Division& division, Var axis, Var meet) {
  const VarBounds bounds = kernel.bounds();
  const std::vector<Var> partial = loops_in(division.partial);
  const std::vector<Var> meeting = loops_in(division.meeting);
  for (const Limit& limit : std::vector<Limit>(kernel.limits)) {
    if (!limit.index.uses(axis)) continue;
    const auto index =
        least(limit.index, [&](Var v) { return !contains(partial, v) || contains(meeting, v); });
    if (!index || tenon::bounds(*index, bounds).high < limit.bound) continue;
    const auto moved = [&](Var v) { return Index::var(v == axis ? meet : v); };
    kernel.limits.push_back({substitute(*index, moved, bounds), limit.bound, Tail::mask});
  }
}

std::optional<std::string> rewrite(Kernel& kernel, std::vector<Item>& items, Var axis, Var meet,
                                   bool& done) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    Loop* loop = items[i].loop();
    if (!loop) continue;
    if (loop->axis != axis || !adds_over(loop->body, axis)) {
      if (auto reason = rewrite(kernel, loop->body, axis, meet, done)) return reason;
      continue;
    }
    Division division = divide(loop->body, axis);
    if (division.partial.empty())
      return "nothing but the sum itself is in it: it adds up its terms in order";
    for (std::size_t t = 0; t < kernel.tensors.size(); ++t) {
      const int tensor = static_cast<int>(t);
      if (stores_to(division.meeting, tensor) && !uses_of(division.partial, tensor).empty())
        return fmt::format("{} is used beside the sum", kernel.tensors[t].name);
      if (kernel.tensors[t].scope == axis) return "a tile is staged in it";
      if (!stores_to(division.partial, tensor) || !loads_from(division.meeting, tensor)) continue;
      if (kernel.tensors[t].where == Where::argument) return "its partial results leave the kernel";
      for (const Use& use : uses_of(kernel.body, tensor))
        if (!contains(use.path, axis)) return "its partial results are used elsewhere";
      kernel.tensors[t].extents.insert(kernel.tensors[t].extents.begin(), kernel.axes[axis].extent);
      const AccessMap grow = [&](int&, std::vector<Index>& at, int& computed_axis) {
        at.insert(at.begin(), Index::var(axis));
        if (computed_axis >= 0) ++computed_axis;
      };
      division.partial = map_accesses(division.partial, tensor, grow);
      division.meeting = map_accesses(division.meeting, tensor, grow);
    }
    const VarBounds bounds = kernel.bounds();
    limit_meeting(kernel, division, axis, meet);
    division.meeting = map_indices(division.meeting, [&](const Index& index) {
      return substitute(index, [&](Var v) { return Index::var(v == axis ? meet : v); }, bounds);
    });
    division.meeting = map_stores(division.meeting, [&](const Item& item, const Store& store) {
      Store copy = store;
      std::ranges::replace(copy.over, axis, meet);
      return Item{std::move(copy), item.when};
    });
    items[i] = {Loop{axis, std::move(division.partial)}, items[i].when};
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                 {Loop{meet, std::move(division.meeting)}, items[i].when});
    done = true;
    ++i;
  }
  return {};
}

}  // namespace

Moved split_reduce(const Kernel& kernel, const SplitReduce& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return Refusal{fmt::format("no axis {}", move.axis)};
  Kernel result = kernel;
  const Axis& divided = kernel.axes[*axis];
  const Var meet = result.add_axis(divided.name + ".meet", divided.extent);
  bool done = false;
  if (auto reason = rewrite(result, result.body, *axis, meet, done)) return Refusal{*reason};
  if (!done) return Refusal{fmt::format("nothing adds up over {}", move.axis)};
  return result;
}

}  // namespace tenon
