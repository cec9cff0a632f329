#include "tuner/space/model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tenon {
namespace {

// What a core does in a cycle. Sources: Agner Fog's tables for Zen 3 to 5 and Skylake-X, and the
// bandwidths of those processors' caches as their vendors state them. A machine that differs keeps
// the ranking, because the terms scale together.
struct Core {
  double clock = 3.5;          // GHz
  double fmas = 2, loads = 2;  // vectors a cycle
  double issued = 6;           // instructions a cycle
  double latency = 4;          // cycles of an FMA
  double begin = 20;           // cycles until the first terms of a sum have arrived
  double spilled = 6;          // cycles of a body whose values do not fit into the registers
  double spill = 2;            // and for each value that has no register
  double gathered = 1;         // cycles an element that is loaded alone
  double packed = .25;         // cycles an element that is copied by vectors
  double transposed = .4;      // cycles an element that is copied through a transpose
  double tested = 8;           // cycles an element whose address is tested before its load
  double boxed = .5;           // the same in a box, where most tests are one for a whole row
  double launch = 10000;       // cycles until another thread has begun
  std::array<double, 3> line{3, 7, 24};   // cycles a line of 64 bytes from L2, L3 and memory
  std::array<double, 3> jump{3, 14, 60};  // the same for lines that no run of lines announces
  double overlap = .3;  // the share of the smaller terms that the largest one does not hide
};
constexpr Core core{};
constexpr double line_bytes = 64;
constexpr std::int64_t page_bytes = 4096;

class Model {
 public:
  Model(const Skeleton& skeleton, const Facts& facts, const Target& target, const Machine& machine)
      : s_(skeleton),
        statement_(*skeleton.statement),
        facts_(facts),
        target_(target),
        machine_(machine),
        body_(skeleton.loops.size()) {
    while (body_ > 0 && s_.loops[body_ - 1].tag != Tag::serial &&
           s_.loops[body_ - 1].tag != Tag::parallel)
      --body_;
  }

  Cost cost() {
    compute();
    begin_sums();
    packing();
    for (std::size_t level = 0; level < std::min<std::size_t>(machine_.caches.size(), 3); ++level)
      traffic(level);
    const auto largest = std::ranges::max_element(terms_, {}, &Term::cycles);
    double cycles = largest->cycles;
    for (const Term& term : terms_)
      if (&term != &*largest) cycles += core.overlap * term.cycles;
    return {cycles * share_of_slowest() / core.clock + launch(), largest->name};
  }

 private:
  struct Term {
    std::string_view name;
    double cycles;
  };

  // ---- the body: what one iteration of the innermost serial loop computes ----

  // A body for the whole tile and one for each remainder of its unrolled loops.
  void compute() {
    std::vector<std::int64_t> trips;
    bodies(body_, trips, 1);
  }

  void bodies(std::size_t place, std::vector<std::int64_t>& trips, double count) {
    if (place == s_.loops.size()) return body(trips, count);
    const SkeletonLoop& loop = s_.loops[place];
    const std::int64_t extent = facts_.extent(loop.axis), tile = loop.step * loop.trips;
    const auto with = [&](std::int64_t trips_here, double times) {
      trips.push_back(trips_here);
      bodies(place + 1, trips, count * times);
      trips.pop_back();
    };
    if (loop.tag == Tag::vector) {
      // Only the outermost loop of an axis decides how often the others run.
      const bool is_outermost = place == body_ || s_.loops[place - 1].axis != loop.axis;
      return with(1, is_outermost ? std::ceil(static_cast<double>(extent) / tile) : 1);
    }
    if (extent >= tile) with(loop.trips, static_cast<double>(extent / tile));
    if (const std::int64_t rest = extent % tile) with((rest + loop.step - 1) / loop.step, 1);
  }

  void body(const std::vector<std::int64_t>& trips, double count) {
    for (const Var axis : statement_.path)
      if (!in_body(axis)) count *= static_cast<double>(facts_.extent(axis));
    double fmas = 1;
    for (const std::int64_t times : trips) fmas *= static_cast<double>(times);
    double loads = 0, registers = fmas + 1, slow = 0;
    for (std::size_t access = 0; access < statement_.accesses.size(); ++access) {
      const AccessFacts& read = statement_.accesses[access];
      double values = 1;
      bool has_lanes = false, is_contiguous = true;
      for (std::size_t i = body_; i < s_.loops.size(); ++i) {
        const SkeletonLoop& loop = s_.loops[i];
        if (!read.uses(loop.axis)) continue;
        values *= static_cast<double>(trips[i - body_]);
        if (loop.tag != Tag::vector) continue;
        has_lanes = true;
        is_contiguous = read.step(loop.axis) == 1;
      }
      const SkeletonStage* stage = s_.stage_of(static_cast<int>(access));
      if (access == 0) {
        if (!stage && !read.is_local) loads += 2 * values;
        continue;
      }
      if (has_lanes) registers += values;
      loads += values;
      if (!stage && has_lanes && !is_contiguous)
        slow += values * core.gathered * static_cast<double>(s_.lanes);
      if (!stage && read.guarded) slow += values * core.tested;
    }
    const double excess = registers - target_.vector_registers;
    if (excess > 0) slow += core.spilled + excess * core.spill;
    add("fma", count * fmas / core.fmas);
    add("loads", count * (loads / core.loads + slow));
    add("issue", count * (fmas + loads + 2) / core.issued);
    add("chain", count * core.latency);  // every term waits for the one before it
  }

  bool in_body(Var axis) const {
    return std::any_of(s_.loops.begin() + static_cast<std::ptrdiff_t>(body_), s_.loops.end(),
                       [&](const SkeletonLoop& loop) { return loop.axis == axis; });
  }

  // Every tile begins its sums with empty pipelines.
  void begin_sums() {
    std::size_t first = body_;  // of the loops of the sums
    while (first > 0 && statement_.sums_over(s_.loops[first - 1].axis)) --first;
    if (first < body_) add("chain", executions(first) * core.begin);
  }

  // ---- packing: what the copies cost ----

  void packing() {
    for (const SkeletonStage& stage : s_.stages) {
      const AccessFacts& access = statement_.accesses[stage.access];
      const double elements = executions(stage.at + 1) * tile_elements(access, stage);
      add("packing", elements * copy_cycles(access, stage));
    }
  }

  // Of an element.
  double copy_cycles(const AccessFacts& access, const SkeletonStage& stage) const {
    if (stage.where == Where::reg) {  // in and out
      const bool has_vectors = access.step(s_.loops.back().axis) == 1;
      return 2 * (has_vectors ? 1 / static_cast<double>(s_.lanes) : core.gathered);
    }
    if (stage.layout == Layout::box) return core.packed + (access.guarded ? core.boxed : 0);
    if (access.guarded) return core.tested;
    std::int64_t last = 1;  // elements by which the innermost loop of the copy moves
    bool has_contiguous = false;
    for (std::size_t i = stage.at + 1; i < s_.loops.size(); ++i) {
      if (!access.uses(s_.loops[i].axis)) continue;
      last = access.step(s_.loops[i].axis) * s_.loops[i].step;
      has_contiguous |= last == 1;
    }
    return last == 1 ? core.packed : has_contiguous ? core.transposed : core.gathered;
  }

  // A tile in loop order has an element for every iteration of its loops, and so several copies of
  // what neighbouring windows share.
  double tile_elements(const AccessFacts& access, const SkeletonStage& stage) const {
    if (stage.layout == Layout::box) return elements_in(access, stage.at + 1);
    double elements = 1;
    for (const Var axis : statement_.path)
      if (access.uses(axis)) elements *= static_cast<double>(s_.span(axis, stage.at + 1, facts_));
    return elements;
  }

  // ---- memory: the lines that each level does not hold ----

  void traffic(std::size_t level) {
    const double capacity = .8 * static_cast<double>(machine_.caches[level].bytes);
    // The outermost loop of which one iteration's data fit.
    std::size_t fits = 0;
    while (fits < s_.loops.size() && footprint(fits) > capacity) ++fits;
    double cycles = 0;
    for (std::size_t access = 0; access < statement_.accesses.size(); ++access) {
      const AccessFacts& facts = statement_.accesses[access];
      if (facts.is_local) continue;
      // Loops just outside along which the access does not move find its lines again.
      std::size_t outside = fits;
      while (outside > 0 && !facts.uses(s_.loops[outside - 1].axis)) --outside;
      const SkeletonStage* stage = s_.stage_of(static_cast<int>(access));
      const bool is_packed = stage && static_cast<int>(fits) > stage->at;
      const double lines = executions(outside) * lines_in(facts, fits, is_packed);
      const double run = is_packed ? page_bytes : run_bytes(facts, fits);
      const double covered = std::clamp(run / 1024, 0.0, 1.0);
      cycles += lines * (covered * core.line[level] + (1 - covered) * core.jump[level]);
    }
    static constexpr std::array<std::string_view, 3> names{"L2", "L3", "memory"};
    add(names[level], cycles);
  }

  // How often the loops outside of place `from` run its body.
  double executions(std::size_t from) const {
    double times = 1;
    for (const Var axis : statement_.path) {
      std::int64_t inside = s_.span(axis, from, facts_);
      times *= static_cast<double>(facts_.extent(axis)) / static_cast<double>(inside);
    }
    return times;
  }

  double range(const Subscript& subscript, std::size_t from) const {
    double range = 1;
    for (const auto& [axis, coefficient] : subscript.terms)
      range += static_cast<double>(std::abs(coefficient) * (s_.span(axis, from, facts_) - 1));
    return std::min(range, static_cast<double>(subscript.extent));
  }

  double elements_in(const AccessFacts& access, std::size_t from) const {
    double elements = 1;
    for (const Subscript& subscript : access.subscripts) elements *= range(subscript, from);
    return elements;
  }

  // The bytes that lie side by side in memory.
  double run_bytes(const AccessFacts& access, std::size_t from) const {
    double run = static_cast<double>(access.element_bytes);
    for (auto subscript = access.subscripts.rbegin(); subscript != access.subscripts.rend();
         ++subscript) {
      const double here = range(*subscript, from);
      run *= here;
      if (here < static_cast<double>(subscript->extent)) break;
    }
    return run;
  }

  double lines_in(const AccessFacts& access, std::size_t from, bool is_packed) const {
    const double bytes = elements_in(access, from) * static_cast<double>(access.element_bytes);
    if (is_packed) return std::ceil(bytes / line_bytes);
    const double run = run_bytes(access, from);
    return bytes / run * std::ceil(run / line_bytes);
  }

  // Rows whose distance is a multiple of a page compete for the same sets of a cache. They count
  // twice.
  double footprint(std::size_t from) const {
    double bytes = 0;
    for (std::size_t access = 0; access < statement_.accesses.size(); ++access) {
      const AccessFacts& facts = statement_.accesses[access];
      if (facts.is_local) continue;
      const SkeletonStage* stage = s_.stage_of(static_cast<int>(access));
      const bool is_packed = stage && static_cast<int>(from) > stage->at;
      double here = lines_in(facts, from, is_packed) * line_bytes;
      if (stage && !is_packed && stage->where != Where::reg)
        here *= 2;  // the tile beside its source
      const double run = run_bytes(facts, from);
      if (!is_packed && here > run && aligned_rows(facts)) here *= 2;
      bytes += here;
    }
    return bytes;
  }

  bool aligned_rows(const AccessFacts& access) const {
    return access.subscripts.size() > 1 &&
           access.subscripts.back().extent * access.element_bytes % page_bytes == 0;
  }

  // ---- threads ----

  // The share of the work that the busiest thread does.
  double share_of_slowest() const {
    for (const SkeletonLoop& loop : s_.loops)
      if (loop.tag == Tag::parallel) {
        const double rounds = std::ceil(static_cast<double>(loop.trips) / machine_.threads);
        return std::min(1.0, rounds / static_cast<double>(loop.trips));
      }
    return 1;
  }

  double launch() const {
    const bool is_parallel = std::ranges::any_of(
        s_.loops, [](const SkeletonLoop& loop) { return loop.tag == Tag::parallel; });
    return is_parallel ? core.launch / core.clock : 0;
  }

  void add(std::string_view name, double cycles) {
    const auto found = std::ranges::find(terms_, name, &Term::name);
    if (found != terms_.end())
      found->cycles += cycles;
    else
      terms_.push_back({name, cycles});
  }

  const Skeleton& s_;
  const StatementFacts& statement_;
  const Facts& facts_;
  const Target& target_;
  const Machine& machine_;
  std::size_t body_;  // the place of the first unrolled or vector loop of the innermost body
  std::vector<Term> terms_;
};

}  // namespace

Cost cost(const Skeleton& skeleton, const Facts& facts, const Target& target,
          const Machine& machine) {
  return Model(skeleton, facts, target, machine).cost();
}

}  // namespace tenon
