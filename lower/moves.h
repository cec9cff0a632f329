// The six moves: pure functions from kernel to kernel. Builds with the option `verify` check every
// result. An illegal move is a value that says why, never an exception. Each is documented with
// loops before and after in its own file (move_split.cpp, ..).
#pragma once

#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

// Why a nest with a schedule is not what was asked for: a move is refused, or the result does not
// compile.
struct Refusal {
  std::string reason;      // "bind k parallel: sum accumulates over k in order"
  std::string place = {};  // Move::place of a refused move
};
using Moved = std::variant<Kernel, Refusal>;

// Applies all moves, up to the first that is refused. `see` is called with every move and its
// result.
//
// illegal() runs after every move, so that the refusal names the move. For a schedule that Tenon
// wrote it may run once, at the end, which is enough and costs less.
enum class Check : std::uint8_t { each, once };
using MoveObserver = std::function<void(const Move&, const Kernel&)>;
Moved apply_all(Kernel kernel, const Schedule& schedule, const MoveObserver& see = {},
                Check check = Check::each);

// The one check that every move must pass: why the kernel would compute a wrong result, or nothing.
// Three things are forbidden: an accumulation whose loops no longer go through its terms in order;
// a local that is read where its value is gone; and a concurrent loop (parallel or vector, for
// example) with iterations that depend on each other.
Reason illegal(const Kernel& kernel);

// apply_all() calls these. Each rewrites the kernel, or returns the reason why it cannot; then the
// kernel may be half rewritten and must not be used.
Reason rewrite(Kernel& kernel, const Split& move);
Reason rewrite(Kernel& kernel, const Order& move);
Reason rewrite(Kernel& kernel, const Fuse& move);
Reason rewrite(Kernel& kernel, const Bind& move);
Reason rewrite(Kernel& kernel, const Stage& move);
Reason rewrite(Kernel& kernel, const At& move);
Reason rewrite(Kernel& kernel, const SplitReduce& move);

}  // namespace tenon
