#include <algorithm>

#include "lower/passes.h"
#include "lower/tree.h"

namespace tenon {
namespace {

bool is_argument(const Kernel& kernel, int tensor) {
  return kernel.tensors[tensor].where == Where::argument;
}

// The statement under a padded limit: it runs beyond it, but touches no memory of the caller there,
// and no local but tiles, in which what is beyond has a place of its own.
Item padded(const Kernel& kernel, const Item& item, const Store& store, const Range& limit) {
  const auto guard = [&](const Load& load, Type type) -> ValueRef {
    if (!is_argument(kernel, load.tensor)) return nullptr;
    Load guarded = load;
    guarded.inside.push_back(limit);
    return make_value(std::move(guarded), type);
  };
  Item result{map_loads(store, guard), item.when};
  if (!kernel.tensors[store.tensor].scope) result.when.push_back(limit);
  return result;
}

std::vector<Item> pad_below(const Kernel& kernel, const std::vector<Item>& items,
                            std::vector<Var> missing, const Range& limit) {
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
    result.body =
        pad_below(result, result.body, vars_of(limit.index), {limit.index, 0, limit.bound});
  }
  return result;
}

}  // namespace tenon
