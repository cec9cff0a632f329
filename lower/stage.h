// The two halves of the stage move, which move_stage.cpp documents: operands
// and results.
#pragma once

#include <string>
#include <vector>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {

// Where a tensor is staged: the body that gets the tile, inside the kernel that
// is being rewritten.
struct StageSite {
  Kernel& kernel;
  std::vector<Item>& body;
  const Path outside;  // axes of the loops around the body, the staging loop last
  const int tensor;
  const Var at;  // the staging loop's axis, -1 for root
  const Stage& move;

  // Is it a loop around the body, or an axis of the tile?
  bool knows(Var v, const std::vector<Var>& tile) const {
    return contains(outside, v) || contains(tile, v);
  }
};

// Both rewrite site.body and return nothing, or leave a reason why they cannot.
Reason stage_operand(StageSite& site);
Reason stage_result(StageSite& site);

// The tile's axes: the loops on the path that `used` names, in their order or
// as the layout says; and the limits that a copy must keep: those over axes of
// the tile and of loops around it.
Reason find_tile(const StageSite& site, const Path& path, const std::vector<Var>& used,
                 std::vector<Var>& tile, std::vector<Range>& limits);
// The axes of the loops that copy, named after the stage, one for each of the
// tile's.
std::vector<Var> copy_axes(StageSite& site, const std::vector<Var>& tile);
// Adds the local that holds the tile, as the last of the kernel's tensors.
Reason add_tile(StageSite& site, const std::vector<Var>& axes);

std::string stage_name(const StageSite& site);  // `b.pc`: the tile's name, and its loops' `b.pc.k0`

}  // namespace tenon
