#include "tuner/space/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

namespace tenon {
namespace {

// What a core does in a cycle. Sources: Agner Fog's tables for Zen 3 to 5 and Skylake-X, and the
// bandwidths of those processors' caches as their vendors state them. On another machine the times
// are off, but most of the ranking stays.
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
  std::array<double, 3> line{1.5, 8, 20};  // cycles a line of 64 bytes from L2, L3 and memory
  std::array<double, 3> jump{4, 14, 60};   // the same for lines that no run of lines announces
  double tlb_entries = 64, tlb_miss = 8;   // pages that are found at once; cycles of others
  double overlap = .2;  // the share of the smaller terms that the largest one does not hide
};
constexpr Core core{};
constexpr std::int64_t page_bytes = 4096;
constexpr double announced_bytes = 1024;  // of a run whose lines all arrive in time
constexpr double usable = .8;             // of a cache, beside other data

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
    memory();
    const auto largest = std::ranges::max_element(terms_, {}, &Term::cycles);
    double cycles = largest->cycles;
    for (const Term& term : terms_)
      if (&term != &*largest) cycles += core.overlap * term.cycles;
    return {(cycles * share_of_slowest() + launches()) / core.clock, largest->name};
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
    const std::int64_t whole = extent / tile;
    if (whole > 0) with(loop.trips, static_cast<double>(whole));
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

  // Every tile begins its sums with empty pipelines. At the end a local goes from the registers to
  // the statement that reads it; an argument has a stage for that.
  void begin_sums() {
    std::size_t first = body_;  // of the loops of the sums
    while (first > 0 && statement_.sums_over(s_.loops[first - 1].axis)) --first;
    if (first == body_) return;
    add("chain", executions(first) * core.begin);
    const AccessFacts& target = statement_.target();
    if (target.is_local)
      add("packing", executions(first) * elements_in(target, first) * moved(target));
  }

  // ---- packing: what the copies cost ----

  void packing() {
    for (const SkeletonStage& stage : s_.stages) {
      const AccessFacts& access = statement_.accesses[stage.access];
      const double elements = executions(stage.at + 1) * tile_elements(access, stage);
      add("packing", elements * copy_cycles(access, stage));
    }
  }

  // Cycles to copy one element of the tile.
  double copy_cycles(const AccessFacts& access, const SkeletonStage& stage) const {
    if (stage.where == Where::reg) return moved(access);
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

  // Cycles an element that is loaded into a register and stored again.
  double moved(const AccessFacts& access) const {
    const bool has_vectors = access.step(s_.loops.back().axis) == 1;
    return 2 * (has_vectors ? 1 / static_cast<double>(s_.lanes) : core.gathered);
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

  // A cache, or the TLB, whose lines are pages.
  struct Level {
    double bytes;
    std::int64_t line;         // bytes
    std::int64_t ways;         // 0: any line may lie anywhere
    std::string_view missing;  // where a line comes from that is not here
    double near, far;          // cycles that it takes: announced by a run of lines, or not
  };

  void memory() {
    static constexpr std::array<std::string_view, 3> next{"L2", "L3", "memory"};
    for (std::size_t i = 0; i < std::min(machine_.caches.size(), next.size()); ++i) {
      const CacheLevel& cache = machine_.caches[i];
      traffic({static_cast<double>(cache.bytes), cache.line, cache.ways, next[i], core.line[i],
               core.jump[i]});
    }
    traffic({core.tlb_entries * page_bytes, page_bytes, 0, "pages", core.tlb_miss, core.tlb_miss});
  }

  void traffic(const Level& level) {
    // The outermost place whose inner loops touch no more data than the level holds.
    std::size_t fitting = 0;
    while (fitting < s_.loops.size() && bytes_at(level, fitting) > usable * level.bytes) ++fitting;
    if (fitting == 0) return;  // the run before has left all data here
    double cycles = 0;
    for (std::size_t access = 0; access < statement_.accesses.size(); ++access) {
      const AccessFacts& facts = statement_.accesses[access];
      if (facts.is_local) continue;
      std::size_t place = fitting;
      const auto rows = [&] { return rows_of(facts, place); };
      while (place < s_.loops.size() && !is_packed(access, place) && conflicts(level, rows()))
        ++place;
      const bool packed = is_packed(access, place);
      const double run = packed ? page_bytes : rows().run;
      const double announced = std::clamp(run / announced_bytes, 0.0, 1.0);
      cycles += loads_of(facts, place, level.line) * lines_in(facts, place, packed, level.line) *
                (announced * level.near + (1 - announced) * level.far);
    }
    for (const SkeletonStage& stage : s_.stages)
      if (stage.where != Where::reg) cycles += copied(level, stage);
    add(level.missing, cycles);
  }

  // The cycles of the lines that a copy reads, and of those that it writes, if they do not stay in
  // the level.
  double copied(const Level& level, const SkeletonStage& stage) const {
    const AccessFacts& access = statement_.accesses[stage.access];
    const std::size_t place = stage.at + 1;
    const auto line = static_cast<double>(level.line);
    double cycles = 0;
    if (lines_in(access, 0, false, level.line) * line > usable * level.bytes)
      cycles += lines_in(access, place, false, level.line) *
                (rows_of(access, place).run < announced_bytes ? level.far : level.near);
    const double tile =
        tile_elements(access, stage) * static_cast<double>(access.element_bytes) / line;
    if (tile * line > usable * level.bytes)
      cycles += 2 * tile * level.near;  // fetched, then stored
    return executions(place) * cycles;
  }

  // How often the lines that the loops from `place` inwards touch are loaded. Loops just outside
  // along which the access does not move find them again. The next loop finds a line again while
  // it moves within the line.
  double loads_of(const AccessFacts& access, std::size_t place, std::int64_t line) const {
    while (place > 0 && !access.uses(s_.loops[place - 1].axis)) --place;
    const double times = executions(place);
    if (place == 0) return times;
    const SkeletonLoop& loop = s_.loops[place - 1];
    const auto moved =
        static_cast<double>(std::abs(access.step(loop.axis)) * loop.step * access.element_bytes);
    return times *
           std::clamp(moved / static_cast<double>(line), 1 / static_cast<double>(loop.trips), 1.0);
  }

  bool is_packed(std::size_t access, std::size_t place) const {
    const SkeletonStage* stage = s_.stage_of(static_cast<int>(access));
    return stage && static_cast<int>(place) > stage->at;
  }

  double bytes_at(const Level& level, std::size_t place) const {
    double bytes = 0;
    for (std::size_t access = 0; access < statement_.accesses.size(); ++access) {
      const AccessFacts& facts = statement_.accesses[access];
      if (facts.is_local) continue;
      const bool packed = is_packed(access, place);
      const double here =
          lines_in(facts, place, packed, level.line) * static_cast<double>(level.line);
      const SkeletonStage* stage = s_.stage_of(static_cast<int>(access));
      const bool is_copied = stage && !packed && stage->where != Where::reg;
      bytes += is_copied ? 2 * here : here;  // the tile beside its source
    }
    return bytes;
  }

  // The address decides in which set of a cache a line may lie. Rows whose distance is a multiple
  // of the size of a way, for instance, lie all in the same sets.
  struct Rows {
    double count;
    double run;           // bytes of a row
    std::int64_t stride;  // bytes from one row to the next
  };
  static bool conflicts(const Level& level, const Rows& rows) {
    if (level.ways == 0 || rows.count <= static_cast<double>(level.ways)) return false;
    const auto way = static_cast<std::int64_t>(level.bytes) / level.ways;
    const std::int64_t step = std::gcd(rows.stride, way);
    const std::int64_t places = way / step * level.ways;
    return rows.run <= static_cast<double>(step) && rows.count > static_cast<double>(places);
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

  // What the loops from `from` inwards touch, as rows that lie side by side in memory.
  Rows rows_of(const AccessFacts& access, std::size_t from) const {
    Rows rows{1, static_cast<double>(access.element_bytes), access.element_bytes};
    bool is_run = true;
    for (auto subscript = access.subscripts.rbegin(); subscript != access.subscripts.rend();
         ++subscript) {
      const double here = range(*subscript, from);
      if (is_run)
        rows.run *= here;
      else
        rows.count *= here;
      if (rows.count == 1) rows.stride *= subscript->extent;
      is_run = is_run && here == static_cast<double>(subscript->extent);
    }
    return rows;
  }

  double lines_in(const AccessFacts& access, std::size_t from, bool is_packed,
                  std::int64_t line) const {
    const Rows rows = rows_of(access, from);
    const auto size = static_cast<double>(line);
    if (is_packed) return std::ceil(rows.count * rows.run / size);
    return rows.count * std::ceil(rows.run / size);
  }

  // ---- threads ----

  // The place of the parallel loop, if there is one.
  std::optional<std::size_t> parallel_loop() const {
    const auto found = std::ranges::find(s_.loops, Tag::parallel, &SkeletonLoop::tag);
    if (found == s_.loops.end()) return {};
    return static_cast<std::size_t>(found - s_.loops.begin());
  }

  // The share of the work that the busiest thread does.
  double share_of_slowest() const {
    const auto place = parallel_loop();
    if (!place) return 1;
    const SkeletonLoop& loop = s_.loops[*place];
    const std::int64_t rounds = (loop.trips + machine_.threads - 1) / machine_.threads;
    const auto whole = static_cast<double>(s_.span(loop.axis, *place, facts_));
    return std::min(1.0, static_cast<double>(rounds * loop.step) / whole);
  }

  // The cycles until all threads have begun: once for every run of the parallel loop, and of a copy
  // that they share.
  double launches() const {
    const auto place = parallel_loop();
    if (!place) return 0;
    double count = executions(*place);
    for (const SkeletonStage& stage : s_.stages)
      if (stage.where == Where::heap && stage.at < static_cast<int>(*place))
        count += executions(stage.at + 1);
    return count * core.launch;
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
