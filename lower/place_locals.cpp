#include <algorithm>
#include <functional>
#include <numeric>
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

}  // namespace

FinishedKernel place_locals(const Kernel& kernel) {
  FinishedKernel finished{kernel, std::vector<Placement>(kernel.tensors.size()), 0, 0};
  Kernel& result = finished.kernel;
  for (int t = 0; t < std::ssize(result.tensors); ++t) {
    KernelTensor& tensor = result.tensors[t];
    if (tensor.where == Where::argument) continue;
    const Uses table(result.body);
    const std::vector<Use>& uses = table.of(t);
    if (uses.empty()) {
      tensor.extents.assign(tensor.extents.size(), 0);
      continue;
    }
    Path scope = scope_of(tensor, uses);
    // The lanes of a vector run side by side, so each needs its own element.
    std::erase_if(scope, [&](Var v) { return result.axes[v].tag == Tag::vector; });
    std::vector<Reach> reaches;
    std::int64_t size = info(tensor.type).bytes;
    bool known = true;
    for (std::size_t d = 0; d < tensor.extents.size(); ++d) {
      const auto within = reach(result, uses, d, scope);
      reaches.push_back(within ? *within : *reach(result, uses, d, {}));
      if (std::ranges::any_of(uses, [&](const Use& use) {
            return use.access.computed_axis == static_cast<int>(d);
          })) {
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
