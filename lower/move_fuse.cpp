// fuse: two loops, one directly inside the other, become one. It is written
// like a form of order. Halide: fuse; TVM: fuse.
//
//   for r 4                      fuse r c -> rc              for rc 12
//     for c 3                                                  y[rc / 3,rc mod
//     3] = ..
//       y[r,c] = ..
#include <fmt/format.h>

#include <algorithm>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// Makes one loop over `one` wherever a loop over `inner` is all that a loop
// over `outer` holds.
struct Fusion {
  const Var outer, inner, one;
  const IndexMap divided;
  bool found = false;
  Reason reason = {};

  void operator()(std::vector<Item>& items) {
    for (Item& item : items) {
      Loop* loop = item.loop();
      if (!loop) continue;
      Item* only = loop->body.size() == 1 ? &loop->body.front() : nullptr;
      const bool fits = loop->axis == outer && only && only->when.empty() && only->loop() &&
                        only->loop()->axis == inner;
      found = found || fits;
      if (fits)
        *loop = {one, added_over_one(std::move(only->loop()->body))};
      else
        (*this)(loop->body);
    }
  }

  std::vector<Item> added_over_one(std::vector<Item> items) {
    replace_indices(items, divided);
    change_stores(items, [&](Item&, Store& store) {
      const auto a = std::ranges::find(store.over, outer);
      const auto b = std::ranges::find(store.over, inner);
      if ((a == store.over.end()) != (b == store.over.end()))
        reason = "only one of them is added up over";
      else if (a != store.over.end() && b != a + 1)
        reason = "they are not added up over one after the other";
      else if (a != store.over.end())
        *store.over.erase(a) = one;
    });
    return items;
  }
};

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
  const VarBounds bounds = kernel.bounds();
  const IndexMap divided = replacing(kernel, {*outer, *inner},
                                     {floordiv(Index::var(one), second.extent, bounds),
                                      mod(Index::var(one), second.extent, bounds)});
  Fusion fused{*outer, *inner, one, divided};
  fused(kernel.body);
  if (fused.reason) return fused.reason;
  if (!fused.found) return "they are not directly nested";

  const Uses uses(kernel.body);
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    std::optional<Var>& scope = kernel.tensors[t].scope;
    if (scope != *outer && scope != *inner) continue;
    if (uses.of(t).empty() || !contains(uses.of(t).front().way.path, one)) continue;
    if (scope == *outer) return fmt::format("{} is staged in between", kernel.tensors[t].name);
    scope = one;
  }
  for (const Limit& limit : std::vector<Limit>(kernel.limits)) {
    if (!limit.index.uses(*outer)) continue;
    const Range whole = without_division({divided(limit.index), 0, limit.bound});
    kernel.limits.push_back({whole.index, whole.high, limit.tail});
  }
  for (const Var old : {*outer, *inner}) {
    if (count_loops(kernel.body, old) > 0) continue;
    kernel.axes[old].name.clear();
    std::erase_if(kernel.limits, [&](const Limit& limit) { return limit.index.uses(old); });
  }
  return {};
}

}  // namespace tenon
