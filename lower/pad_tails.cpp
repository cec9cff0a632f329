#include <algorithm>

#include "lower/dependence.h"
#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// Has what lies beyond the limit a place of its own in the tile? Otherwise it would overwrite what
// other iterations store.
bool has_room(const Kernel& kernel, int tensor, const Limit& limit) {
  if (!kernel.tensors[tensor].scope) return false;
  const Uses uses(kernel.body);
  return std::ranges::none_of(uses.of(tensor), [&](const Use& use) {
    std::vector<Var> limited = limit.index.vars();
    std::erase_if(limited, [&](Var v) { return !contains(use.way.path, v); });
    return use.writes && conflict(kernel, use, use, limited);
  });
}

// A statement under a padded limit runs beyond it, but touches no memory of the caller there, and
// no local but tiles with room for it.
void pad(const Kernel& kernel, Item& item, Store& store, const Limit& limit) {
  const Range range{limit.index, 0, limit.bound};
  replace_loads(store, [&](const Load& load, Type type) -> ValueRef {
    if (kernel.tensors[load.tensor].where != Where::argument) return nullptr;
    Load guarded = load;
    guarded.inside.push_back(range);
    return make_value(std::move(guarded), type);
  });
  if (!has_room(kernel, store.tensor, limit)) item.when.push_back(range);
}

void pad_below(const Kernel& kernel, std::vector<Item>& items, const std::vector<Var>& missing,
               const Limit& limit) {
  for (Item& item : items) {
    std::vector<Var> left = missing;
    if (Loop* loop = item.loop()) {
      std::erase(left, loop->axis);
      pad_below(kernel, loop->body, left, limit);
    } else if (Store* store = item.store(); store && left.empty()) {
      pad(kernel, item, *store, limit);
    }
  }
}

}  // namespace

Kernel pad_tails(const Kernel& kernel) {
  Kernel result = kernel;
  for (const Limit& limit : kernel.limits)
    if (limit.tail == Tail::pad) pad_below(kernel, result.body, limit.index.vars(), limit);
  std::erase_if(result.limits, [](const Limit& limit) { return limit.tail == Tail::pad; });
  return result;
}

}  // namespace tenon
