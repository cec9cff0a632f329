// pad_tails: a limit with tail pad becomes ranges of the loads and stores below it, so that whole
// tiles run. Here p stands for 8*io + ii < 20:
//
//   limit 8*io + ii < 20 pad               for io 3
//   for io 3                                 for ii 8
//     for ii 8                      ->         y[8*io + ii] = (x[8*io + ii] if p else 0) when p
//       y[8*io + ii] = x[8*io + ii]
#include <algorithm>

#include "lower/finish.h"
#include "lower/tree.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// Do the iterations beyond the limit store to elements of their own in the tile? Otherwise they
// would overwrite what other iterations store.
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
// no locals except tiles with room for what it stores.
void pad(const Kernel& kernel, Item& item, Store& store, const Limit& limit) {
  const Range range{limit.index, 0, limit.bound};
  replace_values(store, [&](Value& value) {
    auto* load = std::get_if<Load>(&value.detail);
    if (!load || kernel.tensors[load->tensor].where != Where::argument) return false;
    load->inside.push_back(range);
    return true;
  });
  if (!has_room(kernel, store.tensor, limit)) item.when.push_back(range);
}

}  // namespace

Kernel pad_tails(const Kernel& kernel) {
  Kernel result = kernel;
  for (const Limit& limit : kernel.limits) {
    if (limit.tail != Tail::pad) continue;
    change_bodies(result.body, [&](std::vector<Item>& body, const Path& path) {
      const auto is_around = [&](Var v) { return contains(path, v); };
      if (!std::ranges::all_of(limit.index.vars(), is_around)) return;
      for (Item& item : body)
        if (Store* store = item.store()) pad(kernel, item, *store, limit);
    });
  }
  std::erase_if(result.limits, [](const Limit& limit) { return limit.tail == Tail::pad; });
  return result;
}

}  // namespace tenon
