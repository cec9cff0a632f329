#include "lower/uses.h"

#include <algorithm>

namespace tenon {

Uses::Uses(Items items) {
  visit(items, [&](const Item& item, const Way& here) {
    const Store* store = item.store();
    if (!store) return;
    const Way& way = ways_.emplace_back(here);
    const auto add = [&](const Access& access, const Load* load, bool writes) {
      const auto tensor = static_cast<std::size_t>(access.tensor);
      if (tensor >= of_.size()) of_.resize(tensor + 1);
      all_.push_back({way, *store, access, load, writes});
      of_[tensor].push_back(all_.back());
    };
    visit_values(*store, [&](const Value& v) {
      if (const Access* read = access_in(v.detail)) add(*read, std::get_if<Load>(&v.detail), false);
    });
    add(*store, nullptr, true);
  });
}

const std::vector<Use>& Uses::of(int tensor) const& {
  static const std::vector<Use> none;
  return tensor < std::ssize(of_) ? of_[static_cast<std::size_t>(tensor)] : none;
}

std::size_t common_loops(const Use& a, const Use& b) {
  const auto differ = std::ranges::mismatch(a.way.loops, b.way.loops).in1;
  return static_cast<std::size_t>(differ - a.way.loops.begin());
}

bool uses_tensor(Items items, int tensor) {
  const Uses uses(items);
  return !uses.of(tensor).empty();
}

bool stores_to(Items items, int tensor) {
  const Uses uses(items);
  return std::ranges::any_of(uses.of(tensor), &Use::writes);
}

}  // namespace tenon
