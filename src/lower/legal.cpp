// What every move must keep: the order of each accumulation, and the independence that tags
// promise.
#include <fmt/format.h>

#include <algorithm>

#include "lower/dependence.h"
#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

bool is_concurrent(Tag tag) {
  return tag == Tag::parallel || tag == Tag::grid || tag == Tag::warp || tag == Tag::lane ||
         tag == Tag::vector;
}

const Axis& axis_of(const Kernel& kernel, Var v) {
  return kernel.axes[static_cast<std::size_t>(v)];
}

// Sums of floats keep their order; maxima and integers may be taken in any.
bool is_ordered(const Kernel& kernel, const Store& store) {
  return *store.combine == Combine::sum &&
         info(kernel.tensors[static_cast<std::size_t>(store.tensor)].type).is_float;
}

std::optional<std::string> broken_order(const Kernel& kernel, const Store& store,
                                        const Path& path) {
  if (!store.combine || store.over.empty() || !store.initial) return {};
  const std::string& target = kernel.tensors[static_cast<std::size_t>(store.tensor)].name;
  std::size_t next = 0;
  for (Var v : path) {
    const auto place = std::find(store.over.begin(), store.over.end(), v);
    if (place == store.over.end()) continue;
    const Axis& axis = axis_of(kernel, v);
    if (is_concurrent(axis.tag) && axis.extent > 1)
      return fmt::format("{} adds up over {} in order, so it cannot be {}", target, axis.name,
                         name(axis.tag));
    if (is_ordered(kernel, store) &&
        place != store.over.begin() + static_cast<std::ptrdiff_t>(next))
      return fmt::format("{} adds up over {} before {}: keep their order", target,
                         axis_of(kernel, store.over[next]).name, axis.name);
    ++next;
  }
  if (next != store.over.size())
    return fmt::format("{} adds up over {}, which is not around it", target,
                       axis_of(kernel, store.over.back()).name);
  return {};
}

// A concurrent loop may write only what is private to an iteration, or indexed by its axis.
std::optional<std::string> race(const Kernel& kernel, const Loop& loop, const Path& outside) {
  const Axis& axis = axis_of(kernel, loop.axis);
  std::optional<std::string> reason;
  visit_stores(loop.body, [&](const Store& store, const Path&) {
    if (reason) return;
    const KernelTensor& target = kernel.tensors[static_cast<std::size_t>(store.tensor)];
    const bool is_shared = target.where == Where::argument ||
                           (axis.tag == Tag::vector && target.scope);  // by all lanes
    if (!is_shared && is_private(kernel, store.tensor, loop, outside)) return;
    for (std::size_t d = 0; d < store.at.size(); ++d)
      if (static_cast<int>(d) != store.computed_axis && store.at[d].uses(loop.axis)) return;
    reason = fmt::format("all iterations of {} store to the same elements of {}", axis.name,
                         target.name);
  });
  if (reason) return reason;
  return dependence_across(kernel, loop.body, {loop.axis});
}

// The loops over the axis that hold uses of the tensor, and uses outside of them.
std::size_t homes(const std::vector<Item>& items, int tensor, Var axis) {
  std::size_t count = 0;
  for (const Item& item : items) {
    const Loop* loop = item.loop();
    if (loop && loop->axis != axis)
      count += homes(loop->body, tensor, axis);
    else
      count += stores_to({item}, tensor) || loads_from({item}, tensor);
  }
  return count;
}

// A tile lives in one iteration of one loop, and so do all of its uses.
std::optional<std::string> torn_tile(const Kernel& kernel) {
  for (std::size_t t = 0; t < kernel.tensors.size(); ++t) {
    const KernelTensor& tile = kernel.tensors[t];
    if (tile.scope.value_or(-1) < 0) continue;
    const std::vector<Use> uses = uses_of(kernel.body, static_cast<int>(t));
    const bool all_inside = std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
      return std::find(use.path.begin(), use.path.end(), *tile.scope) != use.path.end();
    });
    if (!all_inside || homes(kernel.body, static_cast<int>(t), *tile.scope) > 1)
      return fmt::format("the tile {} would be used outside of the iteration that fills it",
                         tile.name);
  }
  return {};
}

}  // namespace

std::optional<std::string> illegal(const Kernel& kernel) {
  std::optional<std::string> reason = torn_tile(kernel);
  visit(kernel.body, [&](const Item& item, const Path& path) {
    if (const Store* store = item.store(); store && !reason)
      reason = broken_order(kernel, *store, path);
  });
  visit(kernel.body, [&](const Item& item, const Path& path) {
    const Loop* loop = item.loop();
    if (reason || !loop) return;
    const Axis& axis = axis_of(kernel, loop->axis);
    if (is_concurrent(axis.tag) && axis.extent > 1) reason = race(kernel, *loop, path);
  });
  return reason;
}

}  // namespace tenon
