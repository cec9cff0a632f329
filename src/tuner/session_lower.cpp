#include "tuner/session_lower.h"

#include "core/error.h"
#include "core/ranges.h"
#include "lower/naive.h"

namespace tenon {

namespace {

void verify_nest(const Kernel& kernel, std::string_view pass) {
  if constexpr (TENON_VERIFY) {
    if (const auto broken = verify(kernel))
      check(false, [&] { return fmt::format("{}: {}\n{}", pass, *broken, print(kernel)); });
  }
}

}  // namespace

std::vector<KernelGraph> kernels_of(std::span<const NodeRef> ruled) {
  std::vector<NodeRef> computed;
  for (const NodeRef& node : ruled)
    if (!node->as<BufferLeaf>()) append_once(computed, node);
  return computed.empty() ? std::vector<KernelGraph>{} : fuse(computed);
}

Kernel lower_naive(const KernelGraph& graph) {
  Kernel kernel = naive(graph);
  verify_nest(kernel, "naive nest");
  return kernel;
}

Scheduled apply_schedule(const Kernel& naive, const Schedule& schedule,
                         const MoveObserver& after_move) {
  Kernel kernel = naive;
  for (const Move& move : schedule) {
    Moved moved = apply(kernel, move);
    if (auto* refusal = std::get_if<Refusal>(&moved))
      return RefusedMove{move, std::move(refusal->reason)};
    kernel = std::get<Kernel>(std::move(moved));
    verify_nest(kernel, print(move));
    if (after_move) after_move(move, kernel);
  }
  return kernel;
}

std::vector<std::string> kernel_names(std::span<const Kernel> naive) {
  std::vector<std::string> names;
  for (const Kernel& kernel : naive) {
    std::string name = kernel.name;
    for (int copy = 2; contains(names, name); ++copy)
      name = fmt::format("{}_{}", kernel.name, copy);
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace tenon
