// The six moves: pure functions from kernel to kernel; builds with the option verify look at every
// result. An illegal move is a value that says why, never an exception. Each is documented with
// loops before and after in its own file (move_split.cpp, ..).
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

struct Refusal {
  std::string reason;  // "bind k parallel: sum accumulates over k in order"
  std::string place;   // of the move, as in Move
};
using Moved = std::variant<Kernel, Refusal>;

Moved apply(const Kernel& kernel, const Move& move);
// All of them, up to the first that is refused. `see` is shown every move and its result.
//
// The check of legal.h runs after every move, so that the refusal names the move. For a schedule
// that a machine wrote it may run once, at the end: that is enough, and costs less.
enum class Check : std::uint8_t { each, once };
using MoveObserver = std::function<void(const Move&, const Kernel&)>;
Moved apply_all(Kernel kernel, const Schedule& schedule, const MoveObserver& see = {},
                Check check = Check::each);

// What apply() calls: each rewrites the kernel, or leaves a reason why it cannot, and then a kernel
// that is of no use.
Reason rewrite(Kernel& kernel, const Split& move);
Reason rewrite(Kernel& kernel, const Order& move);
Reason rewrite(Kernel& kernel, const Fuse& move);
Reason rewrite(Kernel& kernel, const Bind& move);
Reason rewrite(Kernel& kernel, const Stage& move);
Reason rewrite(Kernel& kernel, const At& move);
Reason rewrite(Kernel& kernel, const SplitReduce& move);

}  // namespace tenon
