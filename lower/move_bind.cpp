// bind: sets the tag of an axis, and so of all loops over it. Halide: parallel, vectorize, unroll,
// gpu_blocks; TVM: bind, tensorize.
//
//   for i 8                      bind i parallel             for i 8 parallel
//     for j 16                   bind j vector                 for j 16 vector
//       y[i,j] = x[i,j]                                          y[i,j] = x[i,j]
#include <fmt/format.h>

#include "lower/moves.h"

namespace tenon {
namespace {

constexpr std::int64_t most_lanes = 256;   // elements; more would only spill
constexpr std::int64_t most_copies = 128;  // of an unrolled body

}  // namespace

Reason rewrite(Kernel& kernel, const Bind& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return fmt::format("no axis {}", move.axis);
  const std::int64_t extent = kernel.extent(*axis);
  if (move.tag == Tag::vector && extent > most_lanes)
    return fmt::format("{} iterations are too many for one vector: split first", extent);
  if (move.tag == Tag::unroll && extent > most_copies)
    return fmt::format("{} copies are too many: split first", extent);
  kernel.axes[*axis].tag = move.tag;
  return {};
}

}  // namespace tenon
