// place_locals: each local gets the loop that it is allocated in, its size, and its place.
//
//   local t f32[64,32]                     local t f32[32] in register
//   for i 64                               for i 64
//     for j 32 vector                        for j 32 vector
//       t[i,j] = ..                 ->         t[j] = ..
//     for k 32 vector                        for k 32 vector
//       y[i,k] = t[i,k] * 2                    y[i,k] = t[k] * 2
//
// This runs before explicit_tails, because a peel makes two loops of one: a local that lives in one
// iteration of that loop must stay one local.
#include <algorithm>
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
  return std::ranges::equal(a.access.at, b.access.at, [v](const Index& x, const Index& y) {
    return x.coefficient(v) == y.coefficient(v) && x.uses(v) == y.uses(v);
  });
}

// The axes around the innermost place at which the local can be allocated: the place holds all
// uses, and no iteration of a loop around it needs what another one has stored.
Path scope_of(const KernelTensor& tensor, const std::vector<Use>& uses) {
  const Use& first = uses.front();
  const Path& path = first.way.path;
  std::size_t depth = path.size();
  if (tensor.scope) {
    const auto at = position(path, *tensor.scope);
    check(at || *tensor.scope < 0, "a staged tile is used outside its loop");
    depth = static_cast<std::size_t>(at.value_or(-1) + 1);
  } else {
    for (const Use& use : uses) depth = std::min(depth, common_loops(first, use));
    // If one iteration needs what another one has stored, the local is outside that loop.
    for (const Use& use : uses)
      for (std::size_t d = 0; d < depth; ++d)
        if (outlives(uses, path[d]) || !moves_alike(first, use, path[d])) depth = d;
  }
  return Path(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
}

// A loop of one iteration is not shared out to threads.
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
// quotients of a vector's axis before its remainders. A staged tile keeps its own layout.
std::vector<int> layout(const Kernel& kernel, const KernelTensor& tensor,
                        const std::vector<Use>& uses) {
  const auto is_vector = [&](Var v) { return kernel.axes[v].tag == Tag::vector; };
  const auto rank = [&](int d) {
    int highest = 0;
    for (const Index::Term& term : uses.front().access.at[d].terms())
      if (std::ranges::any_of(Index::of(term).vars(), is_vector))
        highest = std::max(highest, term.kind == Index::Kind::floordiv ? 1 : 2);
    return std::pair(highest, d);
  };
  std::vector<int> order(tensor.extents.size());
  std::iota(order.begin(), order.end(), 0);
  if (!tensor.scope) std::ranges::sort(order, {}, rank);
  return order;
}

bool is_computed(const std::vector<Use>& uses, int axis) {
  return std::ranges::any_of(uses,
                             [&](const Use& use) { return use.access.computed_axis == axis; });
}

// Should these subscripts become one? They should if the reach of one of them is not known but that
// of all as one is. None may be computed or leave its axis, because beyond a row's end lies the
// next row.
bool should_join(const Kernel& kernel, const KernelTensor& tensor, const std::vector<Use>& uses,
                 const Path& scope, int first, int count) {
  bool all_known = true;
  for (int d = first; d < first + count; ++d) {
    const std::vector<Index> alone = subscripts(uses, d);
    const auto is_within = [&](const Index& at) {
      return always({at, 0, tensor.extents[d]}, kernel.bounds());
    };
    if (is_computed(uses, d) || !std::ranges::all_of(alone, is_within)) return false;
    all_known = all_known && reach(kernel, alone, scope);
  }
  const auto joined = [&](const Use& use) { return flat(tensor, use.access.at, first, count); };
  return !all_known && reach(kernel, mapped(uses, joined), scope);
}

// After a fuse and a split, a quotient or remainder in a subscript may use axes both outside and
// inside the scope, so that its reach is not known. Joined with its neighbours it may be simple
// again: in t[f / 8, f mod 8] the position is f. Joins one such run of subscripts to one subscript.
// Returns whether there was one.
bool join_subscripts(Kernel& kernel, int t, const Path& scope, const std::vector<Use>& uses) {
  const int axes = static_cast<int>(kernel.tensors[t].extents.size());
  for (int count = 2; count <= axes; ++count)
    for (int first = 0; first + count <= axes; ++first) {
      if (!should_join(kernel, kernel.tensors[t], uses, scope, first, count)) continue;
      join_axes(kernel, t, first, count);
      return true;
    }
  return false;
}

// Where a local begins along one of its axes, and its extent there. Along a computed axis it keeps
// its whole extent, and what the last tile reaches beyond that.
Reach extent_along(const Kernel& kernel, const KernelTensor& tensor, const std::vector<Use>& uses,
                   int axis, const Path& scope) {
  const Reach whole = *reach(kernel, subscripts(uses, axis), {});
  if (!is_computed(uses, axis)) return reach(kernel, subscripts(uses, axis), scope).value_or(whole);
  return {0, std::max(tensor.extents[axis], whole.begin.constant() + whole.extent)};
}

}  // namespace

FinishedKernel place_locals(const Kernel& kernel) {
  FinishedKernel finished{kernel, std::vector<Placement>(kernel.tensors.size()), 0, 0};
  Kernel& result = finished.kernel;
  for (int t = 0; t < std::ssize(result.tensors); ++t) {
    KernelTensor& tensor = result.tensors[t];
    if (tensor.where == Where::argument) continue;
    Uses table(result.body);
    if (table.of(t).empty()) {
      tensor.extents.assign(tensor.extents.size(), 0);
      continue;
    }
    Path scope = scope_of(tensor, table.of(t));
    // The lanes of a vector run side by side, so each needs its own element.
    std::erase_if(scope, [&](Var v) { return result.axes[v].tag == Tag::vector; });
    while (join_subscripts(result, t, scope, table.of(t))) table = Uses(result.body);
    const std::vector<Use>& uses = table.of(t);
    std::vector<Reach> reaches;
    bool known = true;
    for (int d = 0; d < std::ssize(tensor.extents); ++d) {
      reaches.push_back(extent_along(result, tensor, uses, d, scope));
      for (const Index& at : subscripts(uses, d))
        known = known && is_known_when_unrolled(result, at - reaches.back().begin);
    }
    const std::vector<int> order = layout(result, tensor, uses);
    replace_accesses(result.body, t, [&](Access& access) {
      access.at = mapped(order, [&](int d) { return access.at[d] - reaches[d].begin; });
      if (int& axis = access.computed_axis; axis >= 0) axis = *position(order, axis);
    });
    tensor.extents = mapped(order, [&](int d) { return reaches[d].extent; });
    tensor.scope = scope.empty() ? -1 : scope.back();
    const std::int64_t size = tensor.elements() * info(tensor.type).bytes;
    const auto is_divided = [&](const Use& use) {
      return std::ranges::any_of(
          use.way.path, [&](Var v) { return is_parallel(result, v) && !contains(scope, v); });
    };
    if (std::ranges::any_of(uses, is_divided))  // registers are a thread's own
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
