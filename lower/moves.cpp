#include "lower/moves.h"

#include "core/error.h"

namespace tenon {
namespace {

// Applies the move. Requires a kernel that is legal, or one whose legality is checked later. If a
// reason is returned, the kernel must not be used any more.
Reason change(Kernel& kernel, const Move& move, Check check) {
  // A move may put items into the first or last iteration of a loop, so there must be one.
  for (const Axis& axis : kernel.axes)
    if (axis.extent == 0 && !axis.name.empty()) return axis.name + " has no iterations";
  if (auto reason = std::visit([&](const auto& m) { return rewrite(kernel, m); }, move.what))
    return reason;
  if (check == Check::each)
    if (auto reason = illegal(kernel)) return reason;
  if constexpr (TENON_VERIFY != 0)
    if (auto broken = verify(kernel))
      tenon::check(false,
                   [&] { return *broken + "\nafter " + print(move) + "\n" + print(kernel); });
  return {};
}

}  // namespace

Moved apply_all(Kernel kernel, const Schedule& schedule, const MoveObserver& see, Check check) {
  for (const Move& move : schedule) {
    if (auto reason = change(kernel, move, check))
      return Refusal{fmt::format("{}: {}", print(move), *reason), move.place};
    if (see) see(move, kernel);
  }
  if (check == Check::once && !schedule.empty())
    if (auto reason = illegal(kernel)) return Refusal{*reason, schedule.back().place};
  return kernel;
}

}  // namespace tenon
