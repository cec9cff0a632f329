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

void join_divided_axes(Kernel& kernel, Left divisions) {
  bool has_prefetch = false;  // join_axes() does not change its subscripts
  visit(kernel.body, [&](const Item& item, const Way&) {
    has_prefetch = has_prefetch || std::holds_alternative<Prefetch>(item.what);
  });
  if (has_prefetch) return;
  Uses uses(kernel.body);
  const auto is_simpler = [&](int tensor, int axis) {
    int before = 0, after = 0;
    for (const Use& use : uses.of(tensor)) {
      const std::vector<Index>& at = use.access.at;
      const int apart = at[axis].divisions() + at[axis + 1].divisions();
      const int together = flat(kernel.tensors[tensor], at, axis, 2).divisions();
      const std::int64_t most = divisions == Left::none ? 0 : apart;
      if (use.access.computed_axis >= 0 || together > most) return false;
      before += apart;
      after += together;
    }
    return after < before;
  };
  for (int t = 0; t < std::ssize(kernel.tensors); ++t)
    for (int axis = 0; axis + 1 < std::ssize(kernel.tensors[t].extents);)
      if (is_simpler(t, axis)) {
        join_axes(kernel, t, axis, 2);
        uses = Uses(kernel.body);
      } else {
        ++axis;
      }
}

}  // namespace tenon
