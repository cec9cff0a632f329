#include "lower/merge.h"

#include <set>

#include <fmt/format.h>

#include "lower/tree.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// Does one of the items write what the other reads or writes?
bool depends(const Item& a, const Item& b) {
  const Uses first(only(a)), second(only(b));
  return std::ranges::any_of(first.all(), [&](const Use& x) {
    return std::ranges::any_of(second.of(x.access.tensor),
                               [&](const Use& y) { return x.writes || y.writes; });
  });
}

// The limits that can skip whole iterations of the loop over `axis`, with `as` in its place.
std::set<std::pair<Index, std::int64_t>> limits_of(const Kernel& kernel, Var axis, Var as,
                                                   const std::vector<Var>& outside) {
  std::set<std::pair<Index, std::int64_t>> result;
  for (const Limit& limit : kernel.limits) {
    if (!limit.index.uses(axis)) continue;
    const auto index =
        index_at_start(limit.index, [&](Var v) { return v == axis || contains(outside, v); });
    result.insert({index ? renaming(kernel, {axis}, {as})(*index) : Index(-1), limit.bound});
  }
  return result;
}

// Makes the loop run over the axis `with`, in the limits too. If the old axis has other loops, its
// limits stay.
void rename(Kernel& kernel, Loop& loop, Var with) {
  const Var axis = std::exchange(loop.axis, with);
  const bool is_last = count_loops(kernel.body, axis) == 0;
  replace_axis(kernel, loop.body, axis, Index::var(with), {&with, 1});
  if (is_last) kernel.axes[axis].name.clear();
  for (int t = 0; t < std::ssize(kernel.tensors); ++t)
    if (kernel.tensors[t].scope == axis && uses_tensor(loop.body, t))
      kernel.tensors[t].scope = with;
  const IndexMap map = renaming(kernel, {axis}, {with});
  for (Limit limit : std::exchange(kernel.limits, {})) {
    if (!is_last && limit.index.uses(axis)) kernel.limits.push_back(limit);
    limit.index = map(limit.index);
    const bool is_known = std::ranges::any_of(kernel.limits, [&](const Limit& other) {
      return other.index == limit.index && other.bound == limit.bound;
    });
    if (!is_known) kernel.limits.push_back(std::move(limit));
  }
}

}  // namespace

const KernelTensor* conflict_between(const Kernel& kernel, const Item& into, Var axis,
                                     const Item& from) {
  Item merged = from;
  Loop& loop = *merged.loop();
  replace_indices(loop.body, renaming(kernel, {loop.axis}, {axis}));
  loop.axis = axis;
  const Uses first(only(into)), second(only(merged));
  for (const Use& y : second.all())
    for (const Use& x : first.of(y.access.tensor))
      if ((x.writes || y.writes) && conflict(kernel, x, y, {&axis, 1}))
        return &kernel.tensors[y.access.tensor];
  return nullptr;
}

Reason merge_siblings(Kernel& kernel, std::vector<Item>& body, std::size_t first,
                      std::size_t second, const std::vector<Var>& outside) {
  Loop* const into = body[first].loop();
  Loop* const from = body[second].loop();
  if (!into || !from) return "only loops can be merged";
  const Axis& a = kernel.axes[into->axis];
  const Axis& b = kernel.axes[from->axis];
  if (a.extent != b.extent)
    return fmt::format("{} has {} iterations and {} has {}", a.name, a.extent, b.name, b.extent);
  if (a.tag != b.tag)
    return fmt::format("{} is {} and {} is {}", a.name, name(a.tag), b.name, name(b.tag));
  if (body[first].when != body[second].when ||
      limits_of(kernel, into->axis, into->axis, outside) !=
          limits_of(kernel, from->axis, into->axis, outside))
    return fmt::format("{} and {} skip different iterations", a.name, b.name);
  if (count_loops(from->body, into->axis) > 0)
    return fmt::format("{} runs over {} by itself", b.name, a.name);
  if (count_loops(into->body, from->axis) > 0)
    return fmt::format("{} runs over {} by itself", a.name, b.name);
  for (std::size_t between = first + 1; between < second; between++)
    if (depends(body[between], body[second]))
      return fmt::format("{} depends on what stands between it and {}", b.name, a.name);
  if (const auto* tensor = conflict_between(kernel, body[first], into->axis, body[second]);
      tensor && a.extent > 1)
    return fmt::format("{} and {} use elements of {} in different iterations", a.name, b.name,
                       tensor->name);
  // If one of the axes has loops elsewhere, that axis stays.
  if (count_loops(kernel.body, into->axis) == 1 && count_loops(kernel.body, from->axis) > 1)
    rename(kernel, *into, from->axis);
  else if (into->axis != from->axis)
    rename(kernel, *from, into->axis);
  append(into->body, from->body);
  body.erase(body.begin() + static_cast<std::ptrdiff_t>(second));
  return {};
}

void merge_all(Kernel& kernel, std::vector<Item>& body, std::size_t start,
               const std::vector<Var>& outside) {
  for (std::size_t item = start; item < body.size();) {
    bool merged = false;
    for (std::size_t before = item; before-- > 0 && !merged && body[item].loop();) {
      if (body[before].loop()) {
        const Var axis = body[before].loop()->axis;
        const std::size_t inner = body[before].loop()->body.size();
        const bool alike = adds_over(only(body[before]), axis) ==
                           adds_over(only(body[item]), body[item].loop()->axis);
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
