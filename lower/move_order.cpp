// order: permutes loops that are one inside the other. Halide: reorder; TVM: reorder.
//
// An item between those loops, such as y[i] = s[i] after an accumulation, still runs before or
// after the same loops, once for each iteration of the loops that it was inside of. The move has
// two ways to do that. If few iterations are copied, the item goes outside, into copies of the
// loops that it was inside of (second example). Otherwise the item stays inside and runs only in
// the last iteration of a loop that it came after, or in the first of one that it came before
// (first example).
//
// If the next item is itself a loop over one of those axes, such as the next level of an
// accumulation, what it runs is moved into the loop over that axis.
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

#include "lower/merge.h"
#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

constexpr std::int64_t few_iterations = 512;  // those of a tile in registers

// An item beside the chain of loops, and those of the chain that it is inside of, in the old order.
struct Hanging {
  Item item;
  std::vector<Var> inside;
  bool after;  // it comes after the rest of the chain, else before
};
struct Chain {
  std::vector<Var> axes;  // old order, outermost first
  std::vector<Item> innermost;
  std::vector<Hanging> hanging;  // on either side of the chain, the innermost first
};

// Takes the chain apart. Requires: the item holds loops over all axes in `left`, one inside the
// other.
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
  const auto holds_rest = [&](const Item& below) { return are_nested(only(below), left); };
  const auto next = std::ranges::find_if(loop.body, holds_rest);
  const std::vector<Var> inside = chain.axes;
  if (auto reason = unravel(kernel, *next, left, chain)) return reason;
  for (auto below = next; below != loop.body.begin();)
    chain.hanging.push_back({*--below, inside, false});
  for (auto below = next + 1; below != loop.body.end(); ++below) {
    Hanging& beside = chain.hanging.emplace_back(*below, inside, true);
    // The next item is a loop over an axis of the chain: it can run in the chain's own loop, if
    // that has others inside.
    const Loop* own = below == next + 1 ? below->loop() : nullptr;
    if (!own || own->body.size() > 1 || left.size() == 1 || !contains(left, own->axis) ||
        conflict_between(kernel, *next, own->axis, *below))
      continue;
    beside.inside.push_back(own->axis);
    beside.item = own->body.front();
    append(beside.item.when, below->when);
  }
  return {};
}

// Lists of conditions: an iteration of the loop order[depth] is the last that runs if all
// conditions of one list hold. The first list is for the last value of the axis. That iteration may
// be skipped by a limit; the second list is for the iteration before the first one that the limit
// skips. Returns no list if the last iteration cannot be told.
std::vector<std::vector<Range>> last_iterations(const Kernel& kernel, const std::vector<Var>& order,
                                                std::size_t depth, const Path& outside) {
  const Var axis = order[depth];
  const std::int64_t extent = kernel.extent(axis);
  const auto is_around = [&](Var v) {
    return contains(outside, v) || contains(std::span(order).first(depth + 1), v);
  };
  const VarBounds all = kernel.bounds();
  const IndexMap at_last = replacing(kernel, {axis}, {extent - 1});
  std::vector<std::vector<Range>> found{{{Index::var(axis), extent - 1, extent}}};
  for (const Limit& limit : kernel.limits) {
    if (!limit.index.uses(axis)) continue;
    const auto index = index_at_start(limit.index, is_around);
    if (index && bounds(at_last(*index), all).high < limit.bound) continue;
    if (!index || !index->is_affine() || found.size() > 1) return {};
    const Index next = *index + Index(index->coefficient(axis));
    found.push_back({{Index::var(axis), 0, extent - 1},
                     {next, limit.bound, std::max(bounds(next, all).high, limit.bound) + 1}});
  }
  return found;
}

// Returns a tensor that the item shares with items beside it, and that would lose its value before
// the item runs, or null. `inside` are the loops inside the one whose first or last iteration the
// item waits for. The value is lost if the tensor is a tile of one of these loops, or if each
// iteration of one of them stores it in the same place.
const KernelTensor* lost(const Kernel& kernel, const Uses& uses, const Hanging& hanging,
                         std::span<const Var> inside) {
  const Uses here(only(hanging.item));
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    const std::vector<Use>& all = uses.of(t);
    const auto loses = [&](Var v) {
      return kernel.tensors[t].scope == v || std::ranges::any_of(all, [&](const Use& use) {
               return use.writes && contains(use.way.path, v) && contains(hanging.inside, v) &&
                      kernel.extent(v) > 1 && !tenon::uses(use.access.at, v) &&
                      !contains(use.store.over, v);
             });
    };
    const bool is_link = !here.of(t).empty() && here.of(t).size() != all.size();
    if (is_link && std::ranges::any_of(inside, loses)) return &kernel.tensors[t];
  }
  return nullptr;
}

Reason put_together(const Kernel& kernel, const Uses& uses, const Path& outside, const Chain& chain,
                    const std::vector<Var>& order, std::vector<Item>& body) {
  // before[d], after[d]: the items beside the loop order[d], inside the loops before it.
  std::vector<std::vector<Item>> before(order.size()), after(order.size());
  std::size_t last[] = {order.size() - 1, order.size() - 1};  // no deeper than nearer items
  for (const Hanging& hanging : chain.hanging) {
    const std::vector<Var>& inside = hanging.inside;
    std::size_t& beside = last[hanging.after ? 1 : 0];
    while (contains(inside, order[beside]))
      if (beside-- == 0) return "items beside these loops would change their order";
    // The item goes further out if few iterations are copied for it: it needs no test there.
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
      if (contains(inside, order[d]) || kernel.extent(order[d]) == 1) continue;
      std::vector<std::vector<Range>> times = {{{Index::var(order[d]), 0, 1}}};
      if (hanging.after) times = last_iterations(kernel, order, d, outside);
      if (times.empty())
        return fmt::format(
            "what comes after {} would wait for its last "
            "iteration, which may not run",
            kernel.axes[order[d]].name);
      if (const auto* tile = lost(kernel, uses, hanging, std::span(order).subspan(d + 1)))
        return fmt::format("{} does not last from one iteration of {} to the next", tile->name,
                           kernel.axes[order[d]].name);
      std::vector<Item> at_times;
      for (const std::vector<Range>& when : times)
        for (const Item& item : placed) append(at_times.emplace_back(item).when, when);
      placed = std::move(at_times);
    }
    auto& there = hanging.after ? after[beside] : before[beside];
    there.insert(hanging.after ? there.end() : there.begin(), placed.begin(), placed.end());
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

// A tile that is allocated in one of these loops is now allocated in another one: of the loops that
// were around it, the one that is innermost in the new order.
void move_scopes(Kernel& kernel, std::span<const Use> uses, const std::vector<Var>& before,
                 const std::vector<Var>& after) {
  std::vector<int> tiles;
  for (const Use& use : uses) append_once(tiles, use.access.tensor);
  for (int tile : tiles) {
    std::optional<Var>& scope = kernel.tensors[tile].scope;
    const auto depth = position(before, scope.value_or(-1));
    if (!depth) continue;
    const auto is_around = [&](Var v) { return *position(before, v) <= *depth; };
    scope = *std::ranges::find_if(after.rbegin(), after.rend(), is_around);
  }
}

// Rewrites every item that is a loop over one of the axes and holds loops over the others.
Reason reorder(Kernel& kernel, std::vector<Item>& items, const std::vector<Var>& order,
               const Path& outside) {
  for (std::size_t i = items.size(); i-- > 0;) {
    const Loop* loop = items[i].loop();
    if (!loop || !contains(order, loop->axis) || !are_nested(only(items[i]), order)) continue;
    Chain chain;
    if (auto reason = unravel(kernel, items[i], order, chain)) return reason;
    const Uses uses(kernel.body), here(only(items[i]));
    for (const Use& writer : here.all())
      for (const Use& other : here.of(writer.access.tensor))
        if (writer.writes)
          if (auto reason = dependence(kernel, writer, other, chain.axes)) return reason;
    std::vector<Item> placed;
    move_scopes(kernel, here.all(), chain.axes, order);
    if (auto reason = put_together(kernel, uses, outside, chain, order, placed)) return reason;
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
  if (!are_nested(kernel.body, axes)) return "these loops are not one inside the other";
  Reason reason;
  change_bodies(kernel.body, [&](std::vector<Item>& body, const Path& outside) {
    if (!reason) reason = reorder(kernel, body, axes, outside);
  });
  return reason;
}

}  // namespace tenon
