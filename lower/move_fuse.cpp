// fuse: two loops, one directly inside the other, become one. It counts as a form of order, so
// there are six moves. Halide: fuse; TVM: fuse.
//
//   for r 4                      fuse r c -> rc              for rc 12
//     for c 3                                                  y[rc] = x[rc / 3]
//       y[r,c] = x[r]
//
// Two axes of a tensor that are indexed by the quotient and the remainder alone become one axis, as
// those of y here.
#include <fmt/format.h>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// Why the terms of a sum below would not keep their order if the two loops became one.
Reason torn_sum(Items items, Var outer, Var inner) {
  Reason reason;
  visit_stores(items, [&](const Store& store, const Path&) {
    const auto a = position(store.over, outer), b = position(store.over, inner);
    if (a.has_value() != b.has_value())
      reason = "only one of them is added up over";
    else if (a && *b != *a + 1)
      reason = "they are not added up over one after the other";
  });
  return reason;
}

}  // namespace

Reason rewrite(Kernel& kernel, const Fuse& move) {
  const auto outer = kernel.find_axis(move.outer), inner = kernel.find_axis(move.inner);
  if (!outer || !inner) return fmt::format("no axis {}", outer ? move.inner : move.outer);
  const Axis first = kernel.axes[*outer];
  const Axis second = kernel.axes[*inner];
  for (const Limit& limit : kernel.limits)
    if (limit.index.uses(*inner)) return fmt::format("{} has a tail", second.name);
  const std::string name = first.name.substr(0, first.name.rfind('.') + 1) + move.name;
  if (std::ranges::count(kernel.axes, name, &Axis::name) > 0)
    return fmt::format("there is an axis {} already", name);
  const Var one = kernel.add_axis(name, first.extent * second.extent);
  const Index quotient = floordiv(Index::var(one), second.extent, kernel.bounds());
  const Index remainder = mod(Index::var(one), second.extent, kernel.bounds());
  bool found = false;
  Reason reason;
  change_bodies(kernel.body, [&](std::vector<Item>& items, const Path&) {
    for (Item& item : items) {
      Loop* loop = item.loop();
      const Item* below = loop && loop->axis == *outer ? only_item(*loop) : nullptr;
      if (!below || !below->loop() || below->loop()->axis != *inner) continue;
      found = true;
      std::vector<Item> body = below->loop()->body;
      if (auto torn = torn_sum(body, *outer, *inner)) reason = torn;
      replace_axis(kernel, body, *outer, quotient, {&one, 1});
      replace_axis(kernel, body, *inner, remainder, {});
      *loop = {one, std::move(body)};
    }
  });
  if (reason) return reason;
  if (!found) return "they are not directly nested";

  const Uses uses(kernel.body);
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    std::optional<Var>& scope = kernel.tensors[t].scope;
    if (scope != *outer && scope != *inner) continue;
    if (uses.of(t).empty() || !contains(uses.of(t).front().way.path, one)) continue;
    if (scope == *outer)
      return fmt::format("{} is staged between the two loops", kernel.tensors[t].name);
    scope = one;
  }
  for (const Limit& limit : std::vector<Limit>(kernel.limits)) {
    if (!limit.index.uses(*outer)) continue;
    const Index divided = replacing(kernel, {*outer}, {quotient})(limit.index);
    const Range whole = without_division({divided, 0, limit.bound});
    kernel.limits.push_back({whole.index, whole.high, limit.tail});
  }
  for (const Var old : {*outer, *inner}) {
    if (count_loops(kernel.body, old) > 0) continue;
    kernel.axes[old].name.clear();
    std::erase_if(kernel.limits, [&](const Limit& limit) { return limit.index.uses(old); });
  }
  join_divided_axes(kernel, Left::none);
  return {};
}

}  // namespace tenon
