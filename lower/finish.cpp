#include "lower/finish.h"

#include "core/error.h"
#include "lower/tree.h"

namespace tenon {
namespace {

Reason broken_rule(const Kernel& kernel, const Loop& loop) {
  const Axis& axis = kernel.axes[loop.axis];
  if (axis.tag == Tag::vector) return fmt::format("loop {} is a vector", axis.name);
  if (axis.extent < 2) return fmt::format("loop {} has {} iterations", axis.name, axis.extent);
  if (axis.tag == Tag::unroll && !(std::ranges::all_of(loop.begins, &Index::is_constant) &&
                                   std::ranges::all_of(loop.ends, &Index::is_constant)))
    return fmt::format("loop {} is unrolled from or to a place that is not known", axis.name);
  return {};
}

Reason broken_rule(const Kernel& kernel, const Item& item, const Store& store) {
  const std::string& name = kernel.tensors[store.tensor].name;
  if (store.combine && store.initial) return fmt::format("{} is added to from nothing", name);
  if (store.lanes.size() > 2) return fmt::format("{} has lanes along three axes", name);
  const auto is_mask = [&](const Range& range) { return range.index.uses_any(store.lanes); };
  if (store.stream && (store.lanes.size() != 1 || std::ranges::any_of(item.when, is_mask)))
    return fmt::format("{} is a stream without whole vectors", name);
  return {};
}

}  // namespace

Reason verify_finished(const Kernel& kernel) {
  Reason result = verify(kernel);
  if (!result && !kernel.limits.empty()) result = "a limit is left";
  visit(kernel.body, [&](const Item& item, const Way&) {
    if (result) return;
    if (const Loop* loop = item.loop()) result = broken_rule(kernel, *loop);
    if (const Store* store = item.store()) result = broken_rule(kernel, item, *store);
  });
  return result;
}

FinishedKernel finish(const Kernel& kernel, const Target& target) {
  FinishedKernel result = place_locals(explicit_identities(kernel));
  result.kernel = name_lanes(explicit_tails(align_streams(result.kernel, target)), target);
  if constexpr (TENON_VERIFY != 0)
    if (const auto broken = verify_finished(result.kernel))
      check(false, [&] { return *broken + "\nafter finish\n" + print(result.kernel); });
  return result;
}

}  // namespace tenon
