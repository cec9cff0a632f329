#include "lower/merge.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/ranges.h"
#include "lower/tree.h"

namespace tenon {
namespace {

struct Access {
  int tensor;
  bool writes;
  std::vector<Index> at;
  int computed_axis;
};

std::vector<Access> accesses(const Item& item) {
  std::vector<Access> result;
  visit_stores({item}, [&](const Store& store, const Path&) {
    visit_loads(store, [&](const Load& load) {
      result.push_back({load.tensor, false, load.at, load.computed_axis});
    });
    result.push_back({store.tensor, true, store.at, store.computed_axis});
  });
  return result;
}

bool conflict(const Access& a, const Access& b) {
  return a.tensor == b.tensor && (a.writes || b.writes);
}

bool depends(const Item& a, const Item& b) {
  const std::vector<Access> left = accesses(a), right = accesses(b);
  return std::ranges::any_of(left, [&](const Access& x) {
    return std::ranges::any_of(right, [&](const Access& y) { return conflict(x, y); });
  });
}

// Do x (with loop variable a) and y (with b) touch different elements whenever a differs from b?
// They do where in one dimension both move by the same step, and what else moves there is smaller.
bool apart(const Kernel& kernel, const Access& x, Var a, const Access& y, Var b) {
  for (std::size_t d = 0; d < std::min(x.at.size(), y.at.size()); d++) {
    if (static_cast<int>(d) == x.computed_axis || static_cast<int>(d) == y.computed_axis) continue;
    const std::int64_t step = x.at[d].coefficient(a);
    if (step == 0 || step != y.at[d].coefficient(b)) continue;
    const Index left = x.at[d] - Index::var(a) * step, right = y.at[d] - Index::var(b) * step;
    if (left.uses(a) || right.uses(b)) continue;
    const Bounds range = bounds(left - right, kernel.bounds());
    if (std::max(std::abs(range.low), std::abs(range.high)) < std::abs(step)) return true;
  }
  return false;
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
  for (std::size_t between = first + 1; between < second; between++)
    if (depends(body[between], body[second]))
      return fmt::format("{} depends on what stands between it and {}", b.name, a.name);
  for (const Access& x : accesses(body[first]))
    for (const Access& y : accesses(body[second]))
      if (a.extent > 1 && conflict(x, y) && !apart(kernel, x, into->axis, y, from->axis))
        return fmt::format("{} and {} use elements of {} in different iterations", a.name, b.name,
                           kernel.tensors[x.tensor].name);
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
      if (!merged && depends(body[before], body[item])) break;
    }
    if (!merged) item++;
  }
}

}  // namespace tenon
