#include "lower/uses.h"

#include <algorithm>

namespace tenon {

Uses::Uses(Items items) {
  Way here;
  add(items, here);
}

void Uses::add(Items items, Way& here) {
  for (const Item& item : items) {
    const std::size_t first = all_.size(), conditions = here.when.size();
    append(here.when, item.when);
    if (const Store* store = item.store()) add(*store, ways_.emplace_back(here));
    if (const Loop* loop = item.loop()) {
      here.path.push_back(loop->axis);
      here.loops.push_back(loop);
      add(loop->body, here);
      here.path.pop_back();
      here.loops.pop_back();
    }
    here.when.resize(conditions);
    below_[&item] = {first, all_.size()};
  }
}

void Uses::add(const Store& store, const Way& way) {
  const auto add_use = [&](const Access& access, const Load* load, bool writes) {
    const auto tensor = static_cast<std::size_t>(access.tensor);
    if (tensor >= of_.size()) of_.resize(tensor + 1);
    all_.push_back({way, store, access, load, writes});
    of_[tensor].push_back(all_.back());
  };
  visit_values(store, [&](const Value& v) {
    if (const Access* read = access_in(v.detail))
      add_use(*read, std::get_if<Load>(&v.detail), false);
  });
  add_use(store, nullptr, true);
}

const std::vector<Use>& Uses::of(int tensor) const& {
  static const std::vector<Use> none;
  return tensor < std::ssize(of_) ? of_[static_cast<std::size_t>(tensor)] : none;
}

std::span<const Use> Uses::below(const Item& item) const& {
  const auto [from, to] = below_.at(&item);
  return std::span(all_).subspan(from, to - from);
}

bool stores_to(Items items, int tensor) {
  const Uses uses(items);
  return std::ranges::any_of(uses.of(tensor), &Use::writes);
}

bool loads_from(Items items, int tensor) {
  const Uses uses(items);
  return !std::ranges::all_of(uses.of(tensor), &Use::writes);
}

}  // namespace tenon
