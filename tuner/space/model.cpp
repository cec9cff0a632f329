#include "tuner/space/model.h"

#include <cmath>
#include <optional>
#include <ranges>

#include "tuner/space/core_table.h"
#include "tuner/space/footprint.h"

namespace tenon {
namespace {

constexpr double line_bytes = 64;     // of a cache
constexpr std::int64_t shuffled = 4;  // the longest step between lanes that are loaded together

class Model {
 public:
  Model(const Skeleton& skeleton, const Target& target, const Machine& machine)
      : skeleton_(skeleton),
        statement_(*skeleton.statement),
        facts_(*skeleton.facts),
        target_(target),
        machine_(machine),
        footprint_(skeleton),
        body_(skeleton.loops.size()) {
    while (body_ > 0 && skeleton_.loops[body_ - 1].tag != Tag::serial &&
           skeleton_.loops[body_ - 1].tag != Tag::parallel)
      --body_;
  }

  Cost cost() {
    std::vector<std::int64_t> trips;
    bodies(body_, trips, 1);
    begin_sums();
    packing();
    for (const Term& term : memory_terms(skeleton_, machine_)) terms_.push_back(term);
    for (Term& term : terms_)
      if (const auto scale = machine_.scales.find(term.name); scale != machine_.scales.end())
        term.cycles *= scale->second;
    const auto largest = std::ranges::max_element(terms_, {}, &Term::cycles);
    double cycles = largest->cycles;
    for (const Term& term : terms_)
      if (&term != &*largest) cycles += core.overlap * term.cycles;
    if (const auto place = parallel_loop())
      cycles = cycles * share_of_slowest(*place) + launches(*place);
    return {cycles / core.clock, largest->name};
  }

 private:
  // ---- the body: what one iteration of the innermost serial loop computes ----

  // A body for the whole tile and one for each remainder of the unrolled loops from `place` on.
  // `trips` are those of the unrolled loops before.
  void bodies(std::size_t place, std::vector<std::int64_t>& trips, double count) {
    if (place == skeleton_.loops.size()) return body(trips, count);
    const SkeletonLoop& loop = skeleton_.loops[place];
    const std::int64_t extent = facts_.extent(loop.axis), tile = loop.step * loop.trips;
    const auto with = [&](std::int64_t trips_here, double times) {
      trips.push_back(trips_here);
      bodies(place + 1, trips, count * times);
      trips.pop_back();
    };
    if (loop.tag == Tag::vector) {
      // Only the outermost loop of an axis decides how often the others run.
      const bool is_outermost = place == body_ || skeleton_.loops[place - 1].axis != loop.axis;
      const std::int64_t registers = (loop.trips + skeleton_.lanes - 1) / skeleton_.lanes;
      return with(registers, is_outermost ? std::ceil(static_cast<double>(extent) / tile) : 1);
    }
    const std::int64_t whole = extent / tile;
    if (whole > 0) with(loop.trips, static_cast<double>(whole));
    if (const std::int64_t rest = extent % tile) with((rest + loop.step - 1) / loop.step, 1);
  }

  void body(const std::vector<std::int64_t>& trips, double count) {
    for (const Var axis : statement_.path)
      if (!in_body(axis)) count *= static_cast<double>(facts_.extent(axis));
    // Vectors of terms or results, those among them that wait for each other, and the sums.
    double vectors = 1, in_turn = 1, sums = 1;
    for (std::size_t i = body_; i < skeleton_.loops.size(); ++i) {
      const Var axis = skeleton_.loops[i].axis;
      const auto here = static_cast<double>(trips[i - body_]);
      vectors *= here;
      (statement_.sums_over(axis) ? in_turn : sums) *= here;
    }
    // With the sums unrolled, few parts of a test are left to be made for every term.
    const bool has_inner_sum = body_ > 0 && statement_.sums_over(skeleton_.loops[body_ - 1].axis);
    double loads = 0, held = 0, slow = 0;  // registers that hold operands
    for (const AccessFacts& read : statement_.accesses) {
      double values = 1;
      bool has_lanes = false;
      std::int64_t step = 1;  // elements between the lanes
      for (std::size_t i = body_; i < skeleton_.loops.size(); ++i) {
        const SkeletonLoop& loop = skeleton_.loops[i];
        if (!read.uses(loop.axis)) continue;
        values *= static_cast<double>(trips[i - body_]);
        if (loop.tag != Tag::vector) continue;
        has_lanes = true;
        step = std::abs(read.step(loop.axis));
      }
      const SkeletonStage* stage = skeleton_.stage_of(read);
      const bool is_direct = !stage || stage->depth > 1;  // a prefetch makes no tile
      if (&read == &statement_.target()) {
        if (is_direct && !has_sums()) loads += values;
        if (is_direct && has_sums() && !read.is_local) loads += 2 * values;
        if (read.is_local) continue;
      } else {
        // Of two operands in vectors, the smaller one is held, and the other comes one by one.
        if (has_lanes) held = held > 0 ? std::min(held, values) : values;
        loads += has_lanes && step == 1 && is_direct ? values * lines_of_vector(read) : values;
      }
      // Lanes that lie close together come in a few vectors that are shuffled.
      const auto lanes = static_cast<double>(skeleton_.lanes);
      const bool keeps_steps = is_direct || stage->layout == Layout::box;
      if (keeps_steps && has_lanes && step > 1)
        slow += values * (step <= shuffled ? static_cast<double>(step) : alone(read, step) * lanes);
      if (is_direct && read.guarded())
        slow +=
            values * (has_lanes && step <= shuffled && !has_inner_sum ? core.masked : core.tested);
    }
    const double excess = sums + 1 + held - target_.vector_registers;
    if (excess > 0 && has_sums()) slow += core.spilled + excess * core.spill;
    const double work =
        vectors * static_cast<double>(std::max<std::int64_t>(statement_.operations, 1));
    add("fma", count * work / core.fmas);
    add("loads", count * (loads / core.loads + slow));
    add("issue", count * (work + loads + 2) / core.issued);
    if (has_sums())  // every term waits for the one before it
      add("chain", count * in_turn * core.latency);
  }

  // How many lines a vector of neighbours touches on average. A tensor begins at a line, so a
  // vector touches one line if every step between vectors is a multiple of a vector.
  double lines_of_vector(const AccessFacts& read) const {
    for (const SkeletonLoop& loop : skeleton_.loops)
      if (loop.tag != Tag::vector &&
          read.step(loop.axis) * loop.step * read.element_bytes % target_.vector_bytes != 0)
        return 1 + static_cast<double>(target_.vector_bytes) / line_bytes;
    return 1;
  }

  bool has_sums() const { return !statement_.store.over.empty(); }

  bool in_body(Var axis) const {
    const auto loops = skeleton_.loops | std::views::drop(body_);
    return std::ranges::find(loops, axis, &SkeletonLoop::axis) != loops.end();
  }

  // Every tile begins its sums with empty pipelines. At the end a local goes from the registers to
  // the statement that reads it; an argument has a stage for that.
  void begin_sums() {
    std::size_t first = body_;  // of the loops of the sums
    while (first > 0 && statement_.sums_over(skeleton_.loops[first - 1].axis)) --first;
    if (first == body_) return;
    add("chain", footprint_.executions(first) * core.begin);
    const AccessFacts& target = statement_.target();
    if (target.is_local)
      add("packing",
          footprint_.executions(first) * footprint_.elements(target, first) * 2 * loaded(target));
  }

  // ---- packing: what the copies cost ----

  void packing() {
    for (const SkeletonStage& stage : skeleton_.stages) {
      const AccessFacts& access = statement_.accesses[stage.access];
      const double elements =
          footprint_.executions(stage.at + 1) * footprint_.tile_elements(access, stage);
      add("packing", elements * copy_cycles(access, stage));
    }
  }

  // Cycles to copy one element of the tile.
  double copy_cycles(const AccessFacts& access, const SkeletonStage& stage) const {
    if (stage.depth > 1) return 0;
    if (stage.where == Where::reg) return stage.access > 0 ? loaded(access) : 2 * loaded(access);
    const auto lanes = static_cast<double>(skeleton_.lanes);
    if (stage.layout == Layout::box)
      return core.packed / lanes + (access.guarded() ? core.boxed : 0);
    if (access.guarded()) return core.tested;
    std::int64_t last = 1;  // elements by which the innermost loop of the copy moves
    bool has_contiguous = false;
    for (const SkeletonLoop& loop : skeleton_.inside(stage)) {
      if (!access.uses(loop.axis)) continue;
      last = access.step(loop.axis) * loop.step;
      has_contiguous |= last == 1;
    }
    return last == 1 ? core.packed / lanes : has_contiguous ? core.transposed : core.gathered;
  }

  // Cycles an element that is loaded into a register, or stored from one.
  double loaded(const AccessFacts& access) const {
    const SkeletonLoop& lanes = skeleton_.loops.back();
    const auto count = static_cast<double>(skeleton_.lanes);
    if (access.step(lanes.axis) == 1) return 1 / count;
    const bool turns = std::ranges::any_of(
        skeleton_.loops, [&](const SkeletonLoop& loop) { return is_turned(access, loop); });
    return alone(access, access.step(lanes.axis), turns ? core.turned / count : core.gathered);
  }

  // The same for an element whose neighbour in the vector is `step` elements away.
  static double alone(const AccessFacts& access, std::int64_t step, double cycles = core.gathered) {
    return step * access.element_bytes % core.way == 0 ? core.met * cycles : cycles;
  }

  // ---- threads ----

  // The place of the parallel loop, if there is one.
  std::optional<std::size_t> parallel_loop() const {
    const auto found = std::ranges::find(skeleton_.loops, Tag::parallel, &SkeletonLoop::tag);
    if (found == skeleton_.loops.end()) return {};
    return static_cast<std::size_t>(found - skeleton_.loops.begin());
  }

  // The share of the work that the busiest thread does.
  double share_of_slowest(std::size_t place) const {
    const SkeletonLoop& loop = skeleton_.loops[place];
    const std::int64_t rounds = (loop.trips + machine_.threads - 1) / machine_.threads;
    const auto whole = static_cast<double>(skeleton_.span(loop.axis, place));
    return std::min(1.0, static_cast<double>(rounds * loop.step) / whole);
  }

  // The cycles until all threads have begun: once for every run of the parallel loop, and of a copy
  // that they share.
  double launches(std::size_t place) const {
    double count = footprint_.executions(place);
    for (const SkeletonStage& stage : skeleton_.stages)
      if (stage.where == Where::heap && stage.at < static_cast<int>(place))
        count += footprint_.executions(stage.at + 1);
    return count * core.launch;
  }

  void add(std::string_view name, double cycles) {
    const auto found = std::ranges::find(terms_, name, &Term::name);
    if (found != terms_.end())
      found->cycles += cycles;
    else
      terms_.push_back({name, cycles});
  }

  const Skeleton& skeleton_;
  const StatementFacts& statement_;
  const Facts& facts_;
  const Target& target_;
  const Machine& machine_;
  Footprint footprint_;
  std::size_t body_;  // the place of the first unrolled or vector loop of the innermost body
  std::vector<Term> terms_;
};

}  // namespace

Cost cost(const Skeleton& skeleton, const Target& target, const Machine& machine) {
  return Model(skeleton, target, machine).cost();
}

Cost limit_of(const Facts& facts, const Target& target, const Machine& machine) {
  double work = 0;  // instructions on elements
  for (const StatementFacts& statement : facts.statements)
    work += static_cast<double>(statement.operations) * facts.iterations(statement.path);
  const double lanes = target.vector_bytes / 4.0;
  const Cost compute{work / lanes / core.fmas / core.clock / machine.threads, "fma"};
  const std::size_t levels = std::min(machine.caches.size(), core.copied.size());
  std::size_t level = 0;
  while (level < levels && facts.bytes > static_cast<double>(machine.caches[level].bytes)) ++level;
  if (level == 0) return compute;  // everything is in the first cache
  const double lines = facts.bytes / machine.caches.front().line;
  const bool is_memory = level == levels;  // all threads share it
  const Cost moved{lines * core.copied[level - 1] / core.clock / (is_memory ? 1 : machine.threads),
                   level_names[level - 1]};
  return compute.ns > moved.ns ? compute : moved;
}

}  // namespace tenon
