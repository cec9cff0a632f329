// illegal: the one check that every move must pass. moves.h says what it forbids.
#include <fmt/format.h>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// Do iterations run side by side? A loop of one iteration is never concurrent.
bool is_concurrent(const Axis& axis) {
  return axis.extent > 1 && axis.tag != Tag::serial && axis.tag != Tag::unroll &&
         axis.tag != Tag::mma;
}

Reason broken_order(const Kernel& kernel, const Store& store, const Path& path) {
  if (!store.combine || store.over.empty() || !store.initial) return {};
  const KernelTensor& target = kernel.tensors[store.tensor];
  int next = 0;
  for (Var v : path) {
    const auto place = position(store.over, v);
    if (!place) continue;
    const Axis& axis = kernel.axes[v];
    if (is_concurrent(axis))
      return fmt::format("{} adds up over {} in order, so it cannot be {}", target.name, axis.name,
                         name(axis.tag));
    // Floats are combined in order, in maxima too: the maximum of 0 and -0 is the first of them.
    // Integers need no order.
    if (info(target.type).is_float && *place != next)
      return fmt::format("{} adds up over {} before {}: keep their order", target.name,
                         kernel.axes[store.over[next]].name, axis.name);
    ++next;
  }
  return {};
}

// Are the writer and the reader in different loops over one axis, and does the writer store to the
// same element in every iteration of its loop? Then the reader sees only the last value.
bool is_torn(const Use& writer, const Use& reader) {
  const std::size_t common = common_loops(writer, reader);
  const auto rest = std::span(reader.way.path).subspan(common);
  return std::ranges::any_of(std::span(writer.way.path).subspan(common), [&](Var v) {
    return contains(rest, v) && !uses(writer.access.at, v);
  });
}

// Why some read of the local does not see what was stored for it. All uses of a tile must be in one
// loop, the one that it is allocated in.
Reason torn_local(const KernelTensor& local, const std::vector<Use>& uses) {
  const auto home = [&](const Use& use) {
    const auto depth = position(use.way.path, local.scope.value_or(-1));
    return depth ? use.way.loops[*depth] : nullptr;
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
  return {};
}

// Why iterations of a concurrent loop would interfere: it may write only what is private to an
// iteration or indexed by its axis.
Reason race(const Kernel& kernel, int tensor, const std::vector<Use>& uses) {
  const KernelTensor& target = kernel.tensors[tensor];
  for (const Use& writer : uses) {
    if (!writer.writes) continue;
    for (std::size_t depth = 0; depth < writer.way.path.size(); ++depth) {
      const Var v = writer.way.path[depth];
      const Axis& axis = kernel.axes[v];
      if (!is_concurrent(axis)) continue;
      const bool by_lanes = axis.tag == Tag::vector && target.scope;  // one tile for all of them
      const bool may_be_private = target.where != Where::argument && !by_lanes;
      if (conflict(kernel, writer, writer, {&v, 1}, depth) &&
          !(may_be_private && depth < private_loops(target, uses).size()))
        return fmt::format("all iterations of {} store to the same elements of {}", axis.name,
                           target.name);
      for (const Use& other : uses)
        if (common_loops(writer, other) > depth)
          if (auto reason = dependence(kernel, writer, other, {&v, 1}, depth)) return reason;
    }
  }
  return {};
}

}  // namespace

Reason illegal(const Kernel& kernel) {
  const Uses uses(kernel.body);
  const auto tensors = static_cast<int>(kernel.tensors.size());
  for (int t = 0; t < tensors; ++t)
    if (kernel.tensors[t].where != Where::argument)
      if (auto reason = torn_local(kernel.tensors[t], uses.of(t))) return reason;
  Reason reason;
  visit_stores(kernel.body, [&](const Store& store, const Path& path) {
    if (!reason) reason = broken_order(kernel, store, path);
  });
  for (int t = 0; t < tensors && !reason; ++t) reason = race(kernel, t, uses.of(t));
  return reason;
}

}  // namespace tenon
