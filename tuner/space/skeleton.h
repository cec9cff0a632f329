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
#include <functional>
#include <span>
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
  int depth = 1;  // above 1: the next tiles are prefetched
};

struct Skeleton {
  const Facts* facts = nullptr;
  const StatementFacts* statement = nullptr;
  std::vector<SkeletonLoop> loops;    // outermost first
  std::vector<SkeletonStage> stages;  // in the order in which they are made
  std::int64_t lanes = 1;             // elements in a vector
  bool streams = false;               // the results are written past the caches

  // How many values of the axis the loops from place `from` inwards cover: at least 1.
  std::int64_t span(Var axis, std::size_t from) const;
  // The stage of this access of the statement, or null.
  const SkeletonStage* stage_of(const AccessFacts& access) const;
  // The loops whose iterations the stage's tile covers.
  std::span<const SkeletonLoop> inside(const SkeletonStage& stage) const {
    return std::span(loops).subspan(stage.at + 1);
  }

  // Adds the innermost loop so far. Its name is the axis's name with the letter.
  void add(Var axis, const char* letter, std::int64_t step, std::int64_t trips,
           Tag tag = Tag::serial);
  // A loop over the whole axis, with the tag that the axis has.
  void whole(Var axis) { add(axis, "", 1, facts->extent(axis), facts->tag(axis)); }
  // Adds a stage in the loop that is the innermost of the first `loops`.
  void stage(int access, std::size_t loops, Where where, Layout layout = Layout::expand,
             int depth = 1);
  // Makes the first serial loop over one of the axes parallel that has an iteration for every
  // thread. Returns whether there is one.
  bool share(int threads, const std::function<bool(Var)>& is_one);
};

// How many tiles of a size cover the extent.
inline std::int64_t tiles(std::int64_t extent, std::int64_t size) {
  return (extent + size - 1) / size;
}

// Does a copy of the tensor's tile in registers transpose vectors along this loop?
bool is_turned(const AccessFacts& access, const SkeletonLoop& loop);

// The moves that make the skeleton from the nest of the facts. Some may be refused.
Schedule moves_of(const Skeleton& skeleton);

}  // namespace tenon
