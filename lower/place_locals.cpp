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
#include <numeric>

#include "lower/finish.h"
#include "lower/tree.h"
#include "lower/uses.h"

namespace tenon {
namespace {

constexpr std::int64_t most_register_bytes = 8192;  // more would only be spilled
constexpr std::size_t alignment = 64;               // bytes

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

// Where a local begins along one of its axes, and its extent there. Along a computed axis it keeps
// its whole extent, and what the last tile reaches beyond that.
Reach extent_along(const Kernel& kernel, const KernelTensor& tensor, const std::vector<Use>& uses,
                   int axis, const Path& scope) {
  const Reach whole = *reach(kernel, subscripts(uses, axis), {});
  const auto is_computed = [&](const Use& use) { return use.access.computed_axis == axis; };
  if (std::ranges::none_of(uses, is_computed))
    return reach(kernel, subscripts(uses, axis), scope).value_or(whole);
  return {0, std::max(tensor.extents[axis], whole.begin.constant() + whole.extent)};
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
    Path scope = private_loops(tensor, uses);
    // The lanes of a vector run side by side, so each needs its own element.
    std::erase_if(scope, [&](Var v) { return result.axes[v].tag == Tag::vector; });
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
    else if (tensor.where == Where::heap && known && size <= most_register_bytes)
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
