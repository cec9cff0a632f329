#include "lower/moves.h"

#include <fmt/format.h>

#include "core/error.h"

namespace tenon {

Moved apply(const Kernel& kernel, const Move& move) {
  const auto refused = [&](const std::string& reason) {
    return Refusal{fmt::format("{}: {}", print(move), reason), move.place};
  };
  // What comes first or last in a loop has no place where there are no iterations.
  for (const Axis& axis : kernel.axes)
    if (axis.extent == 0 && !axis.name.empty()) return refused(axis.name + " has no iterations");
  Kernel moved = kernel;
  if (auto reason = std::visit([&](const auto& m) { return rewrite(moved, m); }, move.what))
    return refused(*reason);
  if (auto reason = illegal(moved)) return refused(*reason);
  if constexpr (TENON_VERIFY != 0)
    if (auto broken = verify(moved))
      check(false, [&] { return *broken + "\nafter " + print(move) + "\n" + print(moved); });
  return moved;
}

Moved apply_all(Kernel kernel, const Schedule& schedule, const MoveObserver& see) {
  for (const Move& move : schedule) {
    Moved moved = apply(kernel, move);
    if (std::holds_alternative<Refusal>(moved)) return moved;
    kernel = std::get<Kernel>(std::move(moved));
    if (see) see(move, kernel);
  }
  return kernel;
}

}  // namespace tenon
