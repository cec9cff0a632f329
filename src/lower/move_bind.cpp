// bind: one tag a loop; and fuse, a form of order that makes one loop of two. Halide: parallel,
// vectorize, unroll, gpu_blocks, fuse; TVM: bind, tensorize, fuse.
//
//   for i 8                      bind i parallel             for i 8 parallel
//     for j 16                   bind j vector                 for j 16 vector
//       y[i,j] = x[i,j]                                          y[i,j] = x[i,j]
//
//   for r 4                      fuse r c -> rc              for rc 12
//     for c 3                                                  y[rc / 3] ..
#include <fmt/format.h>

#include <algorithm>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t most_lanes = 256;   // elements; more would only spill
constexpr std::int64_t most_copies = 128;  // of an unrolled body

// Makes one loop over `one` wherever a loop over `inner` is all that a loop over `outer` holds.
struct Fusion {
  const Var outer, inner, one;
  const IndexMap divided;
  bool found = false;
  std::optional<std::string> reason = {};

  std::vector<Item> operator()(const std::vector<Item>& items) {
    return mapped(items, [this](const Item& item) {
      const Loop* loop = item.loop();
      if (!loop) return item;
      const Item* only = loop->body.size() == 1 ? &loop->body.front() : nullptr;
      const bool fits = loop->axis == outer && only && only->when.empty() && only->loop() &&
                        only->loop()->axis == inner;
      if (!fits) return Item{Loop{loop->axis, (*this)(loop->body)}, item.when};
      found = true;
      return Item{Loop{one, added_over_one(map_indices(only->loop()->body, divided))}, item.when};
    });
  }

  std::vector<Item> added_over_one(const std::vector<Item>& items) {
    return map_stores(items, [this](const Item& item, const Store& store) {
      Store copy = store;
      const auto a = std::ranges::find(copy.over, outer);
      const auto b = std::ranges::find(copy.over, inner);
      if ((a == copy.over.end()) != (b == copy.over.end()))
        reason = "only one of them is added up over";
      else if (a != copy.over.end() && b != a + 1)
        reason = "they are not added up over one after the other";
      else if (a != copy.over.end())
        *copy.over.erase(a) = one;
      return Item{std::move(copy), item.when};
    });
  }
};

bool has_loop(const Kernel& kernel, Var axis) {
  bool found = false;
  visit(kernel.body, [&](const Item& item, const Path&) {
    found = found || (item.loop() && item.loop()->axis == axis);
  });
  return found;
}

}  // namespace

Moved bind(const Kernel& kernel, const Bind& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return Refusal{fmt::format("no axis {}", move.axis)};
  const std::int64_t extent = kernel.axes[*axis].extent;
  if (move.tag == Tag::vector && extent > most_lanes)
    return Refusal{fmt::format("{} iterations are too many for one vector: split first", extent)};
  if (move.tag == Tag::unroll && extent > most_copies)
    return Refusal{fmt::format("{} copies are too many: split first", extent)};
  Kernel result = kernel;
  result.axes[*axis].tag = move.tag;
  return result;
}

Moved fuse(const Kernel& kernel, const Fuse& move) {
  const auto outer = kernel.find_axis(move.outer), inner = kernel.find_axis(move.inner);
  if (!outer || !inner) return Refusal{fmt::format("no axis {}", outer ? move.inner : move.outer)};
  Kernel result = kernel;
  const Axis first = kernel.axes[*outer];
  const Axis second = kernel.axes[*inner];
  for (const Limit& limit : kernel.limits)
    if (limit.index.uses(*inner)) return Refusal{fmt::format("{} has a tail", second.name)};
  const std::size_t dot = first.name.rfind('.');
  const Var one =
      result.add_axis((dot == std::string::npos ? "" : first.name.substr(0, dot + 1)) + move.name,
                      first.extent * second.extent);
  const VarBounds bounds = result.bounds();
  const IndexMap divided = [&](const Index& index) {
    const auto part = [&](Var v) {
      if (v == *outer) return floordiv(Index::var(one), second.extent, bounds);
      return v == *inner ? mod(Index::var(one), second.extent, bounds) : Index::var(v);
    };
    return substitute(index, part, bounds);
  };
  Fusion fused{*outer, *inner, one, divided};
  result.body = fused(result.body);
  if (fused.reason) return Refusal{*fused.reason};
  if (!fused.found) return Refusal{"they are not directly nested"};

  for (std::size_t t = 0; t < result.tensors.size(); ++t) {
    std::optional<Var>& scope = result.tensors[t].scope;
    if (scope != *outer && scope != *inner) continue;
    const std::vector<Use> uses = uses_of(result.body, static_cast<int>(t));
    if (uses.empty() || !contains(uses.front().path, one)) continue;
    if (scope == *outer)
      return Refusal{fmt::format("{} is staged in between", kernel.tensors[t].name)};
    scope = one;
  }
  for (std::size_t l = 0; l < kernel.limits.size(); ++l) {
    if (!kernel.limits[l].index.uses(*outer)) continue;
    const Range whole =
        without_division({divided(kernel.limits[l].index), 0, kernel.limits[l].bound});
    result.limits.push_back({whole.index, whole.high, kernel.limits[l].tail});
  }
  for (const Var old : {*outer, *inner}) {
    if (has_loop(result, old)) continue;
    result.axes[old].name.clear();
    std::erase_if(result.limits, [&](const Limit& limit) { return limit.index.uses(old); });
  }
  return result;
}

}  // namespace tenon
