// place_locals: each local gets the loop that it is allocated in, its size, and its place.
//
//   local t f32[64,32]                     local t f32[32] in register
//   for i 64                               for i 64
//     for j 32 vector                        for j 32 vector
//       t[i,j] = ..                 ->         t[j] = ..
//     for k 32 vector                        for k 32 vector
//       y[i,k] = t[i,k] * 2                    y[i,k] = t[k] * 2
//
// This runs before tails are made explicit: a peel makes two loops out of one, and what lives in
// one iteration of it stays one local.
#include <algorithm>
#include <functional>
#include <numeric>
#include <ranges>
#include <utility>

#include "core/error.h"
#include "lower/dependence.h"
#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t most_register_bytes = 8192;  // more would only be spilled
constexpr std::size_t alignment = 64;               // bytes

bool moves_alike(const Use& a, const Use& b, Var v) {
  for (std::size_t d = 0; d < a.access.at.size(); ++d)
    if (a.access.at[d].coefficient(v) != b.access.at[d].coefficient(v) ||
        a.access.at[d].uses(v) != b.access.at[d].uses(v))
      return false;
  return true;
}

// The axes around the innermost place that holds all uses and outlives every accumulation.
Path scope_of(const KernelTensor& tensor, const std::vector<Use>& uses) {
  const Use& first = uses.front();
  if (tensor.scope) {
    if (*tensor.scope < 0) return {};
    const auto at = position(first.way.path, *tensor.scope);
    check(at.has_value(), "a staged tile is used outside its loop");
    return Path(first.way.path.begin(), first.way.path.begin() + *at + 1);
  }
  std::size_t common = first.way.loops.size();
  for (const Use& use : uses) {
    const auto differ = std::ranges::mismatch(first.way.loops, use.way.loops).in1;
    common = std::min(common, static_cast<std::size_t>(differ - first.way.loops.begin()));
  }
  // What one iteration stores and another reads outlives both.
  for (const Use& use : uses)
    for (std::size_t d = 0; d < common; ++d)
      if (outlives(uses, first.way.path[d]) || !moves_alike(first, use, first.way.path[d]))
        common = d;
  return Path(first.way.path.begin(), first.way.path.begin() + static_cast<std::ptrdiff_t>(common));
}

// Of one iteration there is nothing to share out.
bool is_parallel(const Kernel& kernel, Var v) {
  return kernel.axes[v].tag == Tag::parallel && kernel.extent(v) > 1;
}

bool is_known_when_unrolled(const Kernel& kernel, const Index& index) {
  return std::ranges::all_of(index.vars(), [&](Var v) {
    const Axis& axis = kernel.axes[v];
    return axis.extent == 1 || axis.tag == Tag::unroll || axis.tag == Tag::vector;
  });
}

// The axes of a local in the order in which it is laid out: those that vectors run along last, the
// quotients of a vector's axis before its remainders. A stage has its own layout.
std::vector<std::size_t> layout(const Kernel& kernel, const KernelTensor& tensor,
                                const std::vector<Use>& uses) {
  const auto is_vector = [&](Var v) { return kernel.axes[v].tag == Tag::vector; };
  const auto rank = [&](std::size_t d) {
    int highest = 0;
    for (const Index::Term& term : uses.front().access.at[d].terms())
      if (std::ranges::any_of(Index::of(term).vars(), is_vector))
        highest = std::max(highest, term.kind == Index::Kind::floordiv ? 1 : 2);
    return std::pair(highest, d);
  };
  std::vector<std::size_t> order(tensor.extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!tensor.scope) std::ranges::sort(order, {}, rank);
  return order;
}

bool is_computed(const std::vector<Use>& uses, std::size_t axis) {
  return std::ranges::any_of(
      uses, [&](const Use& use) { return use.access.computed_axis == static_cast<int>(axis); });
}

// The access with so many subscripts from the first one on written as one, row-major.
Access joined_access(const KernelTensor& tensor, Access access, std::size_t first,
                     std::size_t count) {
  for (std::size_t d = first + 1; d < first + count; ++d)
    access.at[first] = access.at[first] * tensor.extents[d] + access.at[d];
  const auto begin = access.at.begin() + static_cast<std::ptrdiff_t>(first) + 1;
  access.at.erase(begin, begin + static_cast<std::ptrdiff_t>(count) - 1);
  if (access.computed_axis > static_cast<int>(first))
    access.computed_axis -= static_cast<int>(count) - 1;
  return access;
}

// Should these subscripts become one? One of them alone does not say how far it reaches, together
// they do, and none is computed or leaves the tensor: beyond a row's end lies the next row.
bool should_join(const Kernel& kernel, const KernelTensor& tensor, const std::vector<Use>& uses,
                 const Path& scope, std::size_t first, std::size_t count) {
  bool all_known = true;
  for (std::size_t d = first; d < first + count; ++d) {
    const auto is_within = [&](const Use& use) {
      return always({use.access.at[d], 0, tensor.extents[d]}, kernel.bounds());
    };
    if (is_computed(uses, d) || !std::ranges::all_of(uses, is_within)) return false;
    all_known = all_known && reach(kernel, uses, d, scope);
  }
  if (all_known) return false;
  const std::vector<Access> accesses =
      mapped(uses, [&](const Use& use) { return joined_access(tensor, use.access, first, count); });
  std::vector<Use> joined;
  for (std::size_t i = 0; i < uses.size(); ++i)
    joined.push_back({uses[i].way, uses[i].store, accesses[i], uses[i].load, uses[i].writes});
  return reach(kernel, joined, first, scope).has_value();
}

// After a fuse and a split, a subscript may divide what stands still in the scope and what moves,
// so that nothing says how far it reaches. With its neighbours it may be whole again: in t[f / 8,
// f mod 8] the place is f. Such a run of subscripts becomes one. Returns whether one has.
bool join_subscripts(Kernel& kernel, int t, const Path& scope, const std::vector<Use>& uses) {
  KernelTensor& tensor = kernel.tensors[t];
  const std::size_t axes = tensor.extents.size();
  for (std::size_t count = 2; count <= axes; ++count)
    for (std::size_t first = 0; first + count <= axes; ++first) {
      if (!should_join(kernel, tensor, uses, scope, first, count)) continue;
      replace_accesses(kernel.body, t, [&](Access& access) {
        access = joined_access(tensor, access, first, count);
      });
      for (std::size_t d = 1; d < count; ++d) {
        tensor.extents[first] *= tensor.extents[first + 1];
        tensor.extents.erase(tensor.extents.begin() + static_cast<std::ptrdiff_t>(first) + 1);
      }
      const Uses joined(kernel.body);
      join_subscripts(kernel, t, scope, joined.of(t));
      return true;
    }
  return false;
}

}  // namespace

FinishedKernel place_locals(const Kernel& kernel) {
  FinishedKernel finished{kernel, std::vector<Placement>(kernel.tensors.size()), 0, 0};
  Kernel& result = finished.kernel;
  for (int t = 0; t < std::ssize(result.tensors); ++t) {
    KernelTensor& tensor = result.tensors[t];
    if (tensor.where == Where::argument) continue;
    std::optional<Uses> table(result.body);
    if (table->of(t).empty()) {
      tensor.extents.assign(tensor.extents.size(), 0);
      continue;
    }
    Path scope = scope_of(tensor, table->of(t));
    // The lanes of a vector run side by side, so each needs its own element.
    std::erase_if(scope, [&](Var v) { return result.axes[v].tag == Tag::vector; });
    if (join_subscripts(result, t, scope, table->of(t))) table.emplace(result.body);
    const std::vector<Use>& uses = table->of(t);
    std::vector<Reach> reaches;
    std::int64_t size = info(tensor.type).bytes;
    bool known = true;
    for (std::size_t d = 0; d < tensor.extents.size(); ++d) {
      const auto within = reach(result, uses, d, scope);
      reaches.push_back(within ? *within : *reach(result, uses, d, {}));
      if (is_computed(uses, d)) {
        // All of it, and what the last tile reaches beyond.
        const Reach whole = *reach(result, uses, d, {});
        reaches.back() = {Index(0),
                          std::max(tensor.extents[d], whole.begin.constant() + whole.extent)};
      }
      size *= reaches.back().extent;
      for (const Use& use : uses)
        known = known && is_known_when_unrolled(result, use.access.at[d] - reaches.back().begin);
    }
    const std::vector<std::size_t> order = layout(result, tensor, uses);
    replace_accesses(result.body, t, [&](Access& access) {
      const std::vector<Index> old = access.at;
      for (std::size_t d = 0; d < old.size(); ++d)
        access.at[d] = old[order[d]] - reaches[order[d]].begin;
      if (int& axis = access.computed_axis; axis >= 0)
        axis = *position(order, static_cast<std::size_t>(axis));
    });
    for (std::size_t d = 0; d < order.size(); ++d) tensor.extents[d] = reaches[order[d]].extent;
    tensor.scope = scope.empty() ? -1 : scope.back();
    // Registers are a thread's own.
    const auto is_parallel_below = [&](Var v) {
      return is_parallel(result, v) && !contains(scope, v);
    };
    if (std::ranges::any_of(uses, [&](const Use& use) {
          return std::ranges::any_of(use.way.path, is_parallel_below);
        }))
      tensor.where = Where::heap;
    else if (tensor.where == Where::heap && !tensor.fixed && known && size <= most_register_bytes)
      tensor.where = Where::reg;
    if (tensor.where == Where::reg) continue;
    const bool per_thread =
        std::ranges::any_of(scope, [&](Var v) { return is_parallel(result, v); });
    std::size_t& used = per_thread ? finished.thread_scratch : finished.launch_scratch;
    finished.placement[t] = {static_cast<std::ptrdiff_t>(used), per_thread};
    used += (static_cast<std::size_t>(size) + alignment - 1) / alignment * alignment;
  }
  return finished;
}

}  // namespace tenon
