// From a fused kernel to one that the code generator takes: the naive nest, its schedule applied
// move by move (each result verified where the build asks for it), and finish. Used by the kernel
// store and by `tenon explain`.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lower/fuse.h"
#include "lower/moves.h"

namespace tenon {

// The kernels of nodes after the rules, each node once; none for leaves that have their values.
std::vector<KernelGraph> kernels_of(std::span<const NodeRef> ruled);

// The naive nest; verified.
Kernel lower_naive(const KernelGraph& graph);

// The nest after all moves; verified after each, in builds with the option verify. `after_move` is
// shown every move and its result.
struct RefusedMove {
  Move move;
  std::string reason;
};
using Scheduled = std::variant<Kernel, RefusedMove>;
using MoveObserver = std::function<void(const Move&, const Kernel&)>;
Scheduled apply_schedule(const Kernel& naive, const Schedule& schedule,
                         const MoveObserver& after_move = {});

// The names by which people call the kernels of one graph: each nest's own, and where two have the
// same, the later ones `NAME_2`, `NAME_3`, ..
std::vector<std::string> kernel_names(std::span<const Kernel> naive);

}  // namespace tenon
