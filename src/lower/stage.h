// The two halves of the stage move, which move_stage.cpp documents: operands and results.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {

// Where a tensor is staged: the body that gets the tile, inside the kernel that is being rewritten.
struct StageSite {
  Kernel& kernel;
  std::vector<Item>& body;
  const Path outside;  // axes of the loops around the body, the staging loop last
  const int tensor;
  const Var at;  // the staging loop's axis, -1 for root
  const Stage& move;
};

// Both rewrite site.body and return nothing, or leave a reason why they cannot.
std::optional<std::string> stage_operand(StageSite& site);
std::optional<std::string> stage_result(StageSite& site);

// The limits that a copy of the tile must keep: those over axes of the tile and of loops around it.
std::vector<Range> limits_as_ranges(const StageSite& site, const std::vector<Var>& tile);

std::string stage_name(const StageSite& site);  // `b.pc`: the tile's name, and its loops' `b.pc.k0`
std::string short_name(const std::string& axis);  // `k` of `sum.k`

}  // namespace tenon
