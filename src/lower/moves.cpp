#include "lower/moves.h"

#include <fmt/format.h>

#include "core/error.h"

namespace tenon {
namespace {

struct ApplyTo {
  const Kernel& kernel;

  Moved operator()(const Split& m) const { return split(kernel, m); }
  Moved operator()(const Order& m) const { return order(kernel, m); }
  Moved operator()(const Fuse& m) const { return fuse(kernel, m); }
  Moved operator()(const Bind& m) const { return bind(kernel, m); }
  Moved operator()(const Stage& m) const { return stage(kernel, m); }
  Moved operator()(const At& m) const { return at(kernel, m); }
  Moved operator()(const SplitReduce& m) const { return split_reduce(kernel, m); }
};

}  // namespace

Moved apply(const Kernel& kernel, const Move& move) {
  // What comes first or last in a loop has no place where there are no iterations.
  for (const Axis& axis : kernel.axes)
    if (axis.extent == 0 && !axis.name.empty())
      return Refusal{fmt::format("{}: {} has no iterations", print(move), axis.name)};
  Moved moved = std::visit(ApplyTo{kernel}, move.what);
  const auto* refusal = std::get_if<Refusal>(&moved);
  const auto reason = refusal ? refusal->reason : illegal(std::get<Kernel>(moved));
  if (reason) return Refusal{fmt::format("{}: {}", print(move), *reason)};
  if constexpr (TENON_VERIFY != 0) {
    const Kernel& after = std::get<Kernel>(moved);
    if (auto broken = verify(after))
      check(false, [&] { return *broken + "\nafter " + print(move) + "\n" + print(after); });
  }
  return moved;
}

Moved apply(const Kernel& kernel, const Schedule& schedule) {
  Moved moved = kernel;
  for (const Move& move : schedule) {
    moved = apply(std::get<Kernel>(moved), move);
    if (std::holds_alternative<Refusal>(moved)) break;
  }
  return moved;
}

}  // namespace tenon
