#include "lower/merge.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "lower/dependence.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// Does one of the items write what the other reads or writes?
bool depends(const Kernel& kernel, const Item& a, const Item& b) {
  for (std::size_t t = 0; t < kernel.tensors.size(); t++) {
    const int tensor = static_cast<int>(t);
    if ((stores_to({a}, tensor) && (loads_from({b}, tensor) || stores_to({b}, tensor))) ||
        (loads_from({a}, tensor) && stores_to({b}, tensor)))
      return true;
  }
  return false;
}

// The tensor of which the loops' bodies touch an element in different iterations, one of them
// writing.
std::optional<int> shared_across(const Kernel& kernel, const Item& into, const Item& from) {
  const Var axis = into.loop()->axis, other = from.loop()->axis;
  for (std::size_t t = 0; t < kernel.tensors.size(); t++) {
    const int tensor = static_cast<int>(t);
    const std::vector<Use> left = uses_of({into}, tensor);
    std::vector<Use> right = uses_of({from}, tensor);
    for (Use& use : right) {
      use.at = map_indices(std::move(use.at), renaming(kernel, {other}, {axis}));
      std::ranges::replace(use.path, other, axis);
    }
    for (const Use& x : left)
      for (const Use& y : right)
        if ((x.writes || y.writes) && axes_alike(kernel, tensor, x, y, {axis}).empty())
          return tensor;
  }
  return {};
}

// The limits that decide on whole iterations of the loop over `axis`, written with `as` for it.
std::set<std::pair<Index, std::int64_t>> limits_of(const Kernel& kernel, Var axis, Var as,
                                                   const std::vector<Var>& outside) {
  std::set<std::pair<Index, std::int64_t>> result;
  for (const Limit& limit : kernel.limits) {
    if (!limit.index.uses(axis)) continue;
    const auto index = least(limit.index, [&](Var v) { return v == axis || contains(outside, v); });
    const auto with = [&](Var v) { return Index::var(v == axis ? as : v); };
    result.insert({index ? substitute(*index, with, kernel.bounds()) : Index(-1), limit.bound});
  }
  return result;
}

bool accumulates_over(const Item& item, Var axis) {
  bool found = false;
  visit_stores({item}, [&](const Store& store, const Path&) {
    found = found || contains(store.over, axis);
  });
  return found;
}

std::size_t loops_over(const std::vector<Item>& items, Var axis) {
  std::size_t count = 0;
  for (const Item& item : items)
    if (const Loop* loop = item.loop())
      count += (loop->axis == axis) + loops_over(loop->body, axis);
  return count;
}

// `with` in place of `axis` in the body of its loop, and in the limits; the axis keeps its own
// where this was not its last loop.
void rename(Kernel& kernel, std::vector<Item>& body, Var axis, Var with, bool is_last) {
  const VarBounds bounds = kernel.bounds();
  const IndexMap map = [&](const Index& index) {
    return substitute(index, [&](Var v) { return Index::var(v == axis ? with : v); }, bounds);
  };
  body = map_stores(map_indices(body, map), [&](const Item& item, const Store& store) {
    Store renamed = store;
    std::ranges::replace(renamed.over, axis, with);
    return Item{std::move(renamed), item.when};
  });
  std::vector<Limit> limits;
  for (Limit limit : kernel.limits) {
    if (!is_last && limit.index.uses(axis)) limits.push_back(limit);
    limit.index = map(limit.index);
    const bool known = std::ranges::any_of(limits, [&](const Limit& other) {
      return other.index == limit.index && other.bound == limit.bound;
    });
    if (!known) limits.push_back(std::move(limit));
  }
  kernel.limits = std::move(limits);
}

}  // namespace

std::optional<std::string> merge_siblings(Kernel& kernel, std::vector<Item>& body,
                                          std::size_t first, std::size_t second,
                                          const std::vector<Var>& outside) {
  Loop* const into = body[first].loop();
  Loop* const from = body[second].loop();
  if (!into || !from) return "only loops can be merged";
  const Axis& a = kernel.axes[into->axis];
  Axis& b = kernel.axes[from->axis];
  if (a.extent != b.extent)
    return fmt::format("{} has {} iterations and {} has {}", a.name, a.extent, b.name, b.extent);
  if (a.tag != b.tag)
    return fmt::format("{} is {} and {} is {}", a.name, name(a.tag), b.name, name(b.tag));
  if (body[first].when != body[second].when ||
      limits_of(kernel, into->axis, into->axis, outside) !=
          limits_of(kernel, from->axis, into->axis, outside))
    return fmt::format("{} and {} skip different iterations", a.name, b.name);
  if (into->axis != from->axis && loops_over(from->body, into->axis) > 0)
    return fmt::format("{} runs over {} by itself", b.name, a.name);
  for (std::size_t between = first + 1; between < second; between++)
    if (depends(kernel, body[between], body[second]))
      return fmt::format("{} depends on what stands between it and {}", b.name, a.name);
  if (const auto tensor = shared_across(kernel, body[first], body[second]); tensor && a.extent > 1)
    return fmt::format("{} and {} use elements of {} in different iterations", a.name, b.name,
                       kernel.tensors[*tensor].name);
  if (into->axis != from->axis) {
    const bool is_last = loops_over(kernel.body, from->axis) == 1;
    rename(kernel, from->body, from->axis, into->axis, is_last);
    if (is_last) b.name.clear();
  }
  into->body.insert(into->body.end(), std::make_move_iterator(from->body.begin()),
                    std::make_move_iterator(from->body.end()));
  body.erase(body.begin() + static_cast<std::ptrdiff_t>(second));
  return std::nullopt;
}

void merge_all(Kernel& kernel, std::vector<Item>& body, std::size_t start,
               const std::vector<Var>& outside) {
  for (std::size_t item = start; item < body.size();) {
    bool merged = false;
    for (std::size_t before = item; before-- > 0 && !merged && body[item].loop();) {
      if (body[before].loop()) {
        const Var axis = body[before].loop()->axis;
        const std::size_t inner = body[before].loop()->body.size();
        const bool alike = accumulates_over(body[before], axis) ==
                           accumulates_over(body[item], body[item].loop()->axis);
        if (alike && !merge_siblings(kernel, body, before, item, outside)) {
          merged = true;
          std::vector<Var> inside = outside;
          inside.push_back(axis);
          merge_all(kernel, body[before].loop()->body, inner, inside);
        }
      }
      if (!merged && depends(kernel, body[before], body[item])) break;
    }
    if (!merged) item++;
  }
}

}  // namespace tenon
