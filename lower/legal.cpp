// What every move must keep: the order of each accumulation, and the independence that tags
// promise.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "lower/dependence.h"
#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// Do iterations run side by side? Of one there is nothing to run beside.
bool is_concurrent(const Axis& axis) {
  return axis.extent > 1 && axis.tag != Tag::serial && axis.tag != Tag::unroll &&
         axis.tag != Tag::mma;
}

Reason broken_order(const Kernel& kernel, const Store& store, const Path& path) {
  if (!store.combine || store.over.empty() || !store.initial) return {};
  const KernelTensor& target = kernel.tensors[store.tensor];
  std::size_t next = 0;
  for (Var v : path) {
    const auto place = std::ranges::find(store.over, v);
    if (place == store.over.end()) continue;
    const Axis& axis = kernel.axes[v];
    if (is_concurrent(axis))
      return fmt::format("{} adds up over {} in order, so it cannot be {}", target.name, axis.name,
                         name(axis.tag));
    // Floats keep their order (of maxima too: of two zeros the first counts); integers need none.
    if (info(target.type).is_float &&
        place != store.over.begin() + static_cast<std::ptrdiff_t>(next))
      return fmt::format("{} adds up over {} before {}: keep their order", target.name,
                         kernel.axes[store.over[next]].name, axis.name);
    ++next;
  }
  return {};
}

// A concurrent loop may write only what is private to an iteration, or indexed by its axis.
Reason race(const Kernel& kernel, const Item& item, const Path& outside) {
  const Loop& loop = *item.loop();
  const Axis& axis = kernel.axes[loop.axis];
  for (int tensor = 0; tensor < std::ssize(kernel.tensors); ++tensor) {
    const KernelTensor& target = kernel.tensors[tensor];
    const bool is_shared =
        target.where == Where::argument || (axis.tag == Tag::vector && target.scope);  // by lanes
    for (const Use& use : uses_of(only(item), tensor)) {
      if (!use.writes || (!is_shared && is_private(kernel, tensor, loop, outside))) continue;
      if (axes_alike(kernel, tensor, use, use, {loop.axis}).empty())
        return fmt::format("all iterations of {} store to the same elements of {}", axis.name,
                           target.name);
    }
  }
  return dependence_across(kernel, only(item), {loop.axis});
}

// Does one loop over some axis store what another loop over it reads, in one place for all of its
// iterations? Then the reader sees the last one's.
bool is_torn(const Use& writer, const Use& reader) {
  std::size_t shared = 0;
  while (shared < std::min(writer.loops.size(), reader.loops.size()) &&
         writer.loops[shared] == reader.loops[shared])
    ++shared;
  const auto rest = std::span(reader.path).subspan(shared);
  return std::ranges::any_of(std::span(writer.path).subspan(shared),
                             [&](Var v) { return contains(rest, v) && !uses(writer.at, v); });
}

// Every local is read where what was stored for it still is; a tile lives in one iteration of one
// loop.
Reason torn_local(const Kernel& kernel) {
  for (int t = 0; t < std::ssize(kernel.tensors); ++t) {
    const KernelTensor& local = kernel.tensors[t];
    if (local.where == Where::argument) continue;
    const std::vector<Use> uses = uses_of(kernel.body, t);
    const auto home = [&](const Use& use) {
      const auto depth = position(use.path, local.scope.value_or(-1));
      return depth ? use.loops[*depth] : nullptr;
    };
    for (const Use& one : uses) {
      const bool is_away =
          local.scope.value_or(-1) >= 0 && (!home(one) || home(one) != home(uses.front()));
      const bool is_lost = one.writes && std::ranges::any_of(uses, [&](const Use& other) {
                             return !other.writes && is_torn(one, other);
                           });
      if (is_away || is_lost)
        return fmt::format("{} would be read outside of the iteration that stores it", local.name);
    }
  }
  return {};
}

}  // namespace

Reason illegal(const Kernel& kernel) {
  Reason reason = torn_local(kernel);
  visit_stores(kernel.body, [&](const Store& store, const Path& path) {
    if (!reason) reason = broken_order(kernel, store, path);
  });
  visit(kernel.body, [&](const Item& item, const Way& way) {
    if (const Loop* loop = item.loop(); loop && !reason && is_concurrent(kernel.axes[loop->axis]))
      reason = race(kernel, item, way.path);
  });
  return reason;
}

}  // namespace tenon
