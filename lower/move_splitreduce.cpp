// splitreduce: keeps the partial results of one level of a reduction apart, so that they may be
// computed in any order or at once. A loop of its own then adds them up in order. Halide, TVM:
// rfactor; also split-K.
//
//   for kb 4                           splitreduce kb    for kb 4
//     for k 256                                            for k 256
//       part += x[256*kb + k] over k                         part[kb] += x[256*kb + k] over k
//     s += part over kb                                  for kb.meet 4
//                                                          s += part[kb.meet] over kb.meet
#include <fmt/format.h>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// The loop's body in two: `meeting` are the items that add up over the axis, `partial` all others.
struct Division {
  std::vector<Item> partial, meeting;
};

// Copies the limits of the axis to the loop in which the partial results meet: beyond a limit no
// partial result was stored.
void limit_meeting(Kernel& kernel, const Division& division, Var axis, Var meet) {
  const auto is_known = [&](Var v) {
    return count_loops(division.partial, v) == 0 || count_loops(division.meeting, v) > 0;
  };
  for (const Limit& limit : std::vector<Limit>(kernel.limits)) {
    if (!limit.index.uses(axis)) continue;
    const auto index = index_at_start(limit.index, is_known);
    if (!index || bounds(*index, kernel.bounds()).high < limit.bound) continue;
    kernel.limits.push_back({renaming(kernel, {axis}, {meet})(*index), limit.bound, Tail::mask});
  }
}

// Gives each iteration of the axis its own element of every partial result.
Reason keep_apart(Kernel& kernel, Division& division, Var axis) {
  if (division.partial.empty())
    return "nothing but the sum itself is in it: it adds up its terms in order";
  const Uses all(kernel.body), partial(division.partial), meeting(division.meeting);
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    KernelTensor& tensor = kernel.tensors[t];
    if (std::ranges::any_of(meeting.of(t), &Use::writes) && !partial.of(t).empty())
      return fmt::format("{} is used in the loop by more than the sum", tensor.name);
    if (tensor.scope == axis) return "a tile is staged at this loop";
    if (std::ranges::none_of(partial.of(t), &Use::writes) || meeting.of(t).empty()) continue;
    if (tensor.where == Where::argument) return "its partial results are an output of the kernel";
    for (const Use& use : all.of(t))
      if (!contains(use.way.path, axis)) return "its partial results are used outside the loop too";
    tensor.extents.insert(tensor.extents.begin(), kernel.extent(axis));
    for (auto* items : {&division.partial, &division.meeting})
      replace_accesses(*items, t, [&](Access& access) {
        access.at.insert(access.at.begin(), Index::var(axis));
        if (access.computed_axis >= 0) ++access.computed_axis;
      });
  }
  return {};
}

Reason divide_loops(Kernel& kernel, std::vector<Item>& items, Var axis, Var meet) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    Loop* loop = items[i].loop();
    if (!loop || loop->axis != axis || !adds_over(loop->body, axis)) continue;
    Division division;
    for (const Item& item : loop->body)
      (adds_over(only(item), axis) ? division.meeting : division.partial).push_back(item);
    if (auto reason = keep_apart(kernel, division, axis)) return reason;
    limit_meeting(kernel, division, axis, meet);
    replace_axis(kernel, division.meeting, axis, Index::var(meet), {&meet, 1});
    loop->body = std::move(division.partial);
    ++i;
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i),
                 {Loop{meet, std::move(division.meeting)}, items[i - 1].when});
  }
  return {};
}

}  // namespace

Reason rewrite(Kernel& kernel, const SplitReduce& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return fmt::format("no axis {}", move.axis);
  if (!adds_over(kernel.body, *axis)) return fmt::format("nothing adds up over {}", move.axis);
  const Var meet = kernel.add_axis(kernel.axes[*axis].name + ".meet", kernel.extent(*axis));
  Reason reason;
  change_bodies(kernel.body, [&](std::vector<Item>& body, const Path&) {
    if (!reason) reason = divide_loops(kernel, body, *axis, meet);
  });
  return reason;
}

}  // namespace tenon
