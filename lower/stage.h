// The two halves of the stage move, which move_stage.cpp documents: for operands, which the loops
// below read, and for results, which they store.
#pragma once

#include <string>
#include <vector>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {

// Where a tensor is staged: the body that gets the tile, inside the kernel that is being rewritten.
struct StageSite {
  Kernel& kernel;
  std::vector<Item>& body;
  const Path outside;  // axes of the loops around the body, the staging loop last
  const int tensor;
  const Var at;  // the staging loop's axis, -1 for root
  const Stage& move;

  // `b.pc`; the loops that copy are named `b.pc.k0`.
  std::string name() const { return move.tensor + "." + stem(move.at); }
  // Is the axis one of a loop around the body, or one of the tile?
  bool knows(Var v, const std::vector<Var>& tile) const {
    return contains(outside, v) || contains(tile, v);
  }
};

// Each rewrites site.body and returns nothing, or returns the reason why it cannot.
Reason stage_operand(StageSite& site);
Reason stage_result(StageSite& site);

// Finds the axes of the tile and the limits that a copy must keep. The axes are those of the loops
// on `path` inside the body that are also in `used`, in the order of the loops or of the move's
// layout. The limits are those that use an axis of the tile.
Reason find_tile(const StageSite& site, const Path& path, const std::vector<Var>& used,
                 std::vector<Var>& tile, std::vector<Range>& limits);
// Makes the axes of the loops that copy, one for each axis of the tile, named after the stage.
std::vector<Var> copy_axes(StageSite& site, const std::vector<Var>& tile);
// Adds the local that holds the tile, as the last of the kernel's tensors.
Reason add_tile(StageSite& site, const std::vector<Var>& axes);

}  // namespace tenon
