#include <algorithm>

#include "lower/dependence.h"
#include "lower/passes.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// Has what lies beyond the limit a place of its own in the tile? Otherwise it would overwrite what
// other iterations store.
bool has_room(const Kernel& kernel, int tensor, const Limit& limit) {
  if (!kernel.tensors[tensor].scope) return false;
  const std::vector<Use> uses = uses_of(kernel.body, tensor);
  return std::ranges::all_of(uses, [&](const Use& use) {
    const std::vector<Var> alike = axes_alike(kernel, tensor, use, use, limit.index.vars());
    return !use.writes || std::ranges::all_of(limit.index.vars(), [&](Var v) {
      return contains(alike, v) || !contains(use.path, v);
    });
  });
}

// The statement under a padded limit: it runs beyond it, but touches no memory of the caller there,
// and no local but tiles with room for it.
Item padded(const Kernel& kernel, const Item& item, const Store& store, const Limit& limit) {
  const Range range{limit.index, 0, limit.bound};
  const auto guard = [&](const Load& load, Type type) -> ValueRef {
    if (kernel.tensors[load.tensor].where != Where::argument) return nullptr;
    Load guarded = load;
    guarded.inside.push_back(range);
    return make_value(std::move(guarded), type);
  };
  Item result{map_loads(store, guard), item.when};
  if (!has_room(kernel, store.tensor, limit)) result.when.push_back(range);
  return result;
}

std::vector<Item> pad_below(const Kernel& kernel, const std::vector<Item>& items,
                            std::vector<Var> missing, const Limit& limit) {
  std::vector<Item> result;
  for (const Item& item : items) {
    if (const Loop* loop = item.loop()) {
      std::vector<Var> left = missing;
      std::erase(left, loop->axis);
      result.push_back({Loop{loop->axis, pad_below(kernel, loop->body, left, limit)}, item.when});
    } else if (const Store* store = item.store(); store && missing.empty()) {
      result.push_back(padded(kernel, item, *store, limit));
    } else {
      result.push_back(item);
    }
  }
  return result;
}

}  // namespace

Kernel pad_tails(const Kernel& kernel) {
  Kernel result = kernel;
  result.limits.clear();
  for (const Limit& limit : kernel.limits) {
    if (limit.tail != Tail::pad) {
      result.limits.push_back(limit);
      continue;
    }
    result.body = pad_below(result, result.body, limit.index.vars(), limit);
  }
  return result;
}

}  // namespace tenon
