// The part of the model that is about memory: the cycles in which lines come from each level that
// does not hold them.
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "tuner/space/core_table.h"
#include "tuner/space/footprint.h"
#include "tuner/space/model.h"

namespace tenon {
namespace {

constexpr double page_bytes = 4096;
constexpr double announced_bytes = 1024;  // of a run whose lines all arrive in time
constexpr double few_rows = 4;            // that a core follows at once
constexpr double usable = .8;             // of a cache, beside other data

// A cache, or the TLB, whose lines are pages.
struct Level {
  double bytes;
  double line;               // bytes
  std::int64_t ways;         // 0: any line may lie anywhere
  std::string_view missing;  // where a line comes from that is not here
  double near, far;          // cycles that it takes: announced by a run of lines, or not
};

class MemoryModel {
 public:
  explicit MemoryModel(const Skeleton& skeleton)
      : skeleton_(skeleton), statement_(*skeleton.statement), footprint_(skeleton) {}

  std::vector<Term> terms(const Machine& machine) {
    for (std::size_t i = 0; i < std::min(machine.caches.size(), level_names.size()); ++i) {
      const CacheLevel& cache = machine.caches[i];
      traffic({static_cast<double>(cache.bytes), static_cast<double>(cache.line), cache.ways,
               level_names[i], core.line[i], core.jump[i]});
    }
    traffic({core.tlb_entries * page_bytes, page_bytes, 0, "pages", core.tlb_miss, core.tlb_miss});
    return std::move(terms_);
  }

 private:
  void traffic(const Level& level) {
    // The outermost place whose inner loops touch no more data than the level holds.
    std::size_t fitting = 0;
    while (fitting < skeleton_.loops.size() && bytes_at(level, fitting) > usable * level.bytes)
      ++fitting;
    if (fitting == 0) return;  // the run before has left all data here
    double cycles = 0;
    for (const AccessFacts& access : statement_.accesses) {
      if (access.is_local) continue;
      std::size_t place = fitting;
      const auto rows = [&] { return footprint_.rows(access, place); };
      // A tile is copied line by line, so its own lines do not get into each other's way.
      const SkeletonStage* tile = skeleton_.stage_of(access);
      const std::size_t inmost = tile ? tile->at + 1 : skeleton_.loops.size();
      while (place < inmost && conflicts(level, rows())) ++place;
      const bool packed = is_packed(access, place);
      const double run = packed ? page_bytes : run_of(access, place, rows());
      const double announced = std::clamp(run / announced_bytes, 0.0, 1.0);
      // A line of results is fetched first and stored later, unless it goes past the caches.
      const bool is_new = &access == &statement_.target() && statement_.store.over.empty();
      const double passes = is_new && !skeleton_.streams ? 2 : 1;
      cycles += passes * loads_of(access, place, level.line) *
                footprint_.lines(access, place, packed, level.line) *
                (announced * level.near + (1 - announced) * level.far);
    }
    for (const SkeletonStage& stage : skeleton_.stages)
      if (stage.where != Where::reg) cycles += copied(level, stage);
    terms_.push_back({level.missing, cycles});
  }

  // The cycles of the lines that a copy reads, and of those that it writes, if they do not stay in
  // the level.
  double copied(const Level& level, const SkeletonStage& stage) const {
    const AccessFacts& access = statement_.accesses[stage.access];
    const std::size_t place = stage.at + 1;
    double cycles = 0;
    if (footprint_.lines(access, 0, false, level.line) * level.line > usable * level.bytes)
      cycles += footprint_.lines(access, place, false, level.line) *
                (footprint_.rows(access, place).run < announced_bytes ? level.far : level.near);
    const double tile = footprint_.tile_elements(access, stage) *
                        static_cast<double>(access.element_bytes) / level.line;
    if (tile * level.line > usable * level.bytes)
      cycles += 2 * tile * level.near;  // fetched, then stored
    return footprint_.executions(place) * cycles;
  }

  // How often the lines that the loops from `place` inwards touch are loaded. Loops just outside
  // along which the access does not move find them again. The next loop finds a line again while
  // it moves within the line.
  double loads_of(const AccessFacts& access, std::size_t place, double line) const {
    while (place > 0 && !access.uses(skeleton_.loops[place - 1].axis)) --place;
    const double times = footprint_.executions(place);
    if (place == 0) return times;
    const SkeletonLoop& loop = skeleton_.loops[place - 1];
    const auto moved =
        static_cast<double>(std::abs(access.step(loop.axis)) * loop.step * access.element_bytes);
    return times * std::clamp(moved / line, 1 / static_cast<double>(loop.trips), 1.0);
  }

  // The loops just outside of the place may go on where its rows end, if these are a few.
  double run_of(const AccessFacts& access, std::size_t place, const Rows& rows) const {
    double run = rows.run;
    for (; place > 0 && rows.count <= few_rows; --place) {
      const SkeletonLoop& loop = skeleton_.loops[place - 1];
      if (static_cast<double>(access.step(loop.axis) * loop.step * access.element_bytes) != run)
        break;
      run *= static_cast<double>(loop.trips);
    }
    return run;
  }

  bool is_packed(const AccessFacts& access, std::size_t place) const {
    const SkeletonStage* stage = skeleton_.stage_of(access);
    if (!stage || static_cast<int>(place) <= stage->at) return false;
    // Registers hold no tile of an operand.
    return stage->access == 0 || stage->where != Where::reg;
  }

  double bytes_at(const Level& level, std::size_t place) const {
    double bytes = 0;
    for (const AccessFacts& access : statement_.accesses) {
      if (access.is_local) continue;
      const bool packed = is_packed(access, place);
      const double here = footprint_.lines(access, place, packed, level.line) * level.line;
      const SkeletonStage* stage = skeleton_.stage_of(access);
      const bool is_copied = stage && !packed && stage->where != Where::reg;
      bytes += is_copied ? 2 * here : here;  // the tile beside its source
    }
    return bytes;
  }

  // The address decides in which set of a cache a line may lie. Rows whose distance is a multiple
  // of the size of a way, for instance, lie all in the same sets.
  static bool conflicts(const Level& level, const Rows& rows) {
    if (level.ways == 0 || rows.count <= static_cast<double>(level.ways)) return false;
    const auto way = static_cast<std::int64_t>(level.bytes) / level.ways;
    const std::int64_t step = std::gcd(rows.stride, way);
    const std::int64_t places = way / step * level.ways;
    return rows.run <= static_cast<double>(step) && rows.count > static_cast<double>(places);
  }

  const Skeleton& skeleton_;
  const StatementFacts& statement_;
  Footprint footprint_;
  std::vector<Term> terms_;
};

}  // namespace

std::vector<Term> memory_terms(const Skeleton& skeleton, const Machine& machine) {
  return MemoryModel(skeleton).terms(machine);
}

}  // namespace tenon
