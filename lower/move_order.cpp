// order: permutes loops, wherever they stand one inside the other. Halide: reorder; TVM: reorder.
// What stands between those loops (the end of an accumulation, say) follows along: it gets copies
// of the loops that it was inside of and is no longer; where those would be many iterations, it
// runs in the last iteration of loops that it was after and is now inside of. What follows at once
// over one of these loops by itself (the next level of an accumulation) becomes a part of that.
//
//   for i 1000                         order ko i ki         for ko 2
//     for ko 2                                                 for i 1000
//       for ki 8                                                 for ki 8
//         s[i] += x[i,8*ko + ki]                                   s[i] += x[i,8*ko + ki]
//     y[i] = s[i]                                                y[i] = s[i] when ko == 1
//
//   for i 4                            order k i             for k 8
//     for k 8                                                  for i 4
//       s[i] += x[i,k]                                           s[i] += x[i,k]
//     y[i] = s[i]                                            for i 4
//                                                              y[i] = s[i]
#include <fmt/format.h>

#include <algorithm>

#include "lower/dependence.h"
#include "lower/merge.h"
#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t few_iterations = 512;  // those of a tile in registers

// Something beside the chain of loops: inside these of them (in the old order).
struct Hanging {
  Item item;
  std::vector<Var> inside;
  bool after;
};
struct Chain {
  std::vector<Var> axes;  // old order, outermost first
  std::vector<Item> innermost;
  std::vector<Hanging> hanging;  // of those before the chain and those after, the nearest first
};

// Does the item hold loops over all of the axes, one inside the other?
bool holds_all(const Item& item, std::vector<Var> axes) {
  const Loop* loop = item.loop();
  if (!loop) return false;
  std::erase(axes, loop->axis);
  if (axes.empty()) return true;
  return std::ranges::any_of(loop->body, [&](const Item& below) { return holds_all(below, axes); });
}

// Takes the chain apart. Requires an item that holds loops over all that is left of the axes.
Reason unravel(const Kernel& kernel, Item item, std::vector<Var> left, Chain& chain) {
  Loop& loop = *item.loop();
  if (!contains(left, loop.axis)) return "other loops stand between them; name those too";
  std::erase(left, loop.axis);
  chain.axes.push_back(loop.axis);
  for (Item& below : loop.body) append(below.when, item.when);
  if (left.empty()) {
    chain.innermost = std::move(loop.body);
    return {};
  }
  const auto holds_rest = [&](const Item& below) { return holds_all(below, left); };
  const auto next = std::ranges::find_if(loop.body, holds_rest);
  const std::vector<Var> inside = chain.axes;
  if (auto reason = unravel(kernel, *next, left, chain)) return reason;
  for (auto below = next; below != loop.body.begin();)
    chain.hanging.push_back({*--below, inside, false});
  for (auto below = next + 1; below != loop.body.end(); ++below) {
    Hanging& beside = chain.hanging.emplace_back(*below, inside, true);
    // What follows at once, over a loop of the chain, can run in that one if others are inside.
    const Loop* own = below == next + 1 ? below->loop() : nullptr;
    if (!own || own->body.size() > 1 || left.size() == 1 || !contains(left, own->axis) ||
        shared_across(kernel, *next, own->axis, *below))
      continue;
    beside.inside.push_back(own->axis);
    beside.item = own->body.front();
    append(beside.item.when, below->when);
  }
  return {};
}

// Does the last iteration of the axis run whatever the loops around it do? `inner` are inside it.
bool has_last(const Kernel& kernel, Var axis, std::span<const Var> inner) {
  const VarBounds all = kernel.bounds();
  const VarBounds at_last = [&](Var v) {
    return v == axis ? Bounds{all(v).high, all(v).high} : all(v);
  };
  return std::ranges::all_of(kernel.limits, [&](const Limit& limit) {
    if (!limit.index.uses(axis)) return true;
    const auto index = least(limit.index, [&](Var v) { return !contains(inner, v); });
    return index && bounds(*index, at_last).high < limit.bound;
  });
}

// What the item shares with what stands beside it, if each iteration of a loop that is now inside
// of another has a tile of it, or stores in the same place: it does not last through the other one.
const KernelTensor* lost(const Kernel& kernel, const Hanging& hanging,
                         std::span<const Var> inside) {
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    const std::vector<Use> all = uses_of(kernel.body, t);
    const std::size_t here = uses_of(only(hanging.item), t).size();
    const auto loses = [&](Var v) {
      return kernel.tensors[t].scope == v || std::ranges::any_of(all, [&](const Use& use) {
               return use.writes && contains(use.path, v) && contains(hanging.inside, v) &&
                      kernel.extent(v) > 1 && !uses(use.at, v) && !contains(use.store->over, v);
             });
    };
    if (here > 0 && here != all.size() && std::ranges::any_of(inside, loses))
      return &kernel.tensors[t];
  }
  return nullptr;
}

Reason put_together(const Kernel& kernel, const Chain& chain, const std::vector<Var>& order,
                    std::vector<Item>& body) {
  // before[d], after[d]: what stands beside loop d of the new order, inside the loops before it.
  std::vector<std::vector<Item>> before(order.size()), after(order.size());
  std::size_t last[] = {order.size() - 1, order.size() - 1};  // never inside of what is nearer
  for (const Hanging& hanging : chain.hanging) {
    const std::vector<Var>& inside = hanging.inside;
    std::size_t& beside = last[hanging.after ? 1 : 0];
    while (contains(inside, order[beside]))
      if (beside-- == 0) return "what stands beside them would change places";
    // Further out where few iterations are copied for it: it needs no test there.
    std::int64_t copied = 1;
    for (std::size_t out = beside; out-- > 0 && copied <= few_iterations;) {
      const bool is_copied = contains(inside, order[out]);
      copied = is_copied ? copied * kernel.extent(order[out]) : 1;
      if (!is_copied) beside = out;
    }
    for (std::size_t d = 0; d <= beside; ++d)
      if (!contains(inside, order[d]) && count_loops(only(hanging.item), order[d]) > 0)
        return fmt::format("what stands beside them runs over {} by itself",
                           kernel.axes[order[d]].name);
    std::vector<Var> copies;
    for (std::size_t d = beside + 1; d < order.size(); ++d)
      if (contains(inside, order[d])) copies.push_back(order[d]);
    std::vector<Item> placed = wrap({hanging.item}, copies);
    for (std::size_t d = 0; d < beside; ++d) {
      const std::int64_t extent = kernel.extent(order[d]);
      if (contains(inside, order[d]) || extent == 1) continue;
      const std::int64_t when = hanging.after ? extent - 1 : 0;
      if (hanging.after && !has_last(kernel, order[d], std::span(order).subspan(d + 1)))
        return fmt::format(
            "what comes after {} would wait for its last iteration, which may not run",
            kernel.axes[order[d]].name);
      if (const auto* tile = lost(kernel, hanging, std::span(order).subspan(d + 1)))
        return fmt::format("{} does not last from one iteration of {} to the next", tile->name,
                           kernel.axes[order[d]].name);
      placed.front().when.push_back({Index::var(order[d]), when, when + 1});
    }
    auto& there = hanging.after ? after[beside] : before[beside];
    there.insert(hanging.after ? there.end() : there.begin(), std::move(placed.front()));
  }
  body = chain.innermost;
  for (std::size_t d = order.size(); d-- > 0;) {
    std::vector<Item> outer = std::move(before[d]);
    outer.push_back({Loop{order[d], std::move(body)}});
    append(outer, after[d]);
    body = std::move(outer);
  }
  return {};
}

// A tile of these loops lives in one iteration of those that were around it: in the innermost of
// them now.
void move_scopes(Kernel& kernel, const Item& item, const std::vector<Var>& before,
                 const std::vector<Var>& after) {
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    std::optional<Var>& scope = kernel.tensors[t].scope;
    const auto depth = position(before, scope.value_or(-1));
    if (!depth || uses_of(only(item), t).empty()) continue;
    const auto is_around = [&](Var v) { return *position(before, v) <= *depth; };
    scope = *std::ranges::find_if(after.rbegin(), after.rend(), is_around);
  }
}

// Rewrites every item that holds the axes with one of them outermost.
Reason reorder(Kernel& kernel, std::vector<Item>& items, const std::vector<Var>& order) {
  for (std::size_t i = items.size(); i-- > 0;) {
    Loop* loop = items[i].loop();
    if (!loop || !holds_all(items[i], order)) continue;
    if (!contains(order, loop->axis)) {
      if (auto reason = reorder(kernel, loop->body, order)) return reason;
      continue;
    }
    Chain chain;
    if (auto reason = unravel(kernel, items[i], order, chain)) return reason;
    if (auto reason = dependence_across(kernel, only(items[i]), chain.axes)) return reason;
    std::vector<Item> placed;
    move_scopes(kernel, items[i], chain.axes, order);
    if (auto reason = put_together(kernel, chain, order, placed)) return reason;
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i), placed.begin(), placed.end());
  }
  return {};
}

}  // namespace

Reason rewrite(Kernel& kernel, const Order& move) {
  if (move.axes.empty()) return "no axes given";
  std::vector<Var> axes;
  for (const std::string& name : move.axes) {
    const auto axis = kernel.find_axis(name);
    if (!axis) return fmt::format("no axis {}", name);
    if (contains(axes, *axis)) return fmt::format("{} is named twice", name);
    axes.push_back(*axis);
  }
  const auto holds = [&](const Item& item) { return holds_all(item, axes); };
  if (std::ranges::none_of(kernel.body, holds)) return "these loops are not one inside the other";
  return reorder(kernel, kernel.body, axes);
}

}  // namespace tenon
