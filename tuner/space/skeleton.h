// Skeleton: a schedule of one statement in closed form: its loops from the outermost to the
// innermost, and its stages. The model reads it, and the moves are printed from it.
// NAME(TRIPS x STEP) is a loop of TRIPS iterations, each of which advances by STEP along its axis.
// A product of 512 x 512 x 512, for example:
//
//   jc(1 x 512) ic(8 x 64) jr(32 x 16) ir(8 x 8) k(512 x 1) i0(8 x 1) j0(2 x 8) jv(8 x 1)
//   stages: in1 at jc, in0 at ic, sum at ir in registers
//
// Sketches make skeletons (sketch.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lower/schedule.h"
#include "tuner/space/facts.h"

namespace tenon {

struct SkeletonLoop {
  std::string name;    // "sum.ic"
  Var axis;            // of the naive nest
  std::int64_t step;   // how far one iteration advances along the axis
  std::int64_t trips;  // iterations over the whole axis, or over one iteration of the loop outside
  Tag tag = Tag::serial;
};

struct SkeletonStage {
  int access;  // place in StatementFacts::accesses
  int at;      // place of the loop whose every iteration copies a tile
  Where where = Where::heap;
  Layout layout = Layout::expand;
};

struct Skeleton {
  const StatementFacts* statement = nullptr;
  std::vector<SkeletonLoop> loops;    // outermost first
  std::vector<SkeletonStage> stages;  // in the order in which they are made
  std::int64_t lanes = 1;             // elements in a vector

  // How many values of the axis the loops from place `from` inwards cover: at least 1.
  std::int64_t span(Var axis, std::size_t from, const Facts& facts) const;
  // The stage of this access, or null.
  const SkeletonStage* stage_of(int access) const;
};

// The moves that make the skeleton from the naive nest. Some may be refused.
Schedule moves_of(const Skeleton& skeleton, const Facts& facts);

}  // namespace tenon
