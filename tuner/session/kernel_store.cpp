#include "tuner/session/kernel_store.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "lower/finish.h"
#include "lower/naive.h"
#include "tuner/build_id.h"
#include "tuner/session/near_shapes.h"
#include "tuner/session/session.h"
#include "tuner/session/timer.h"

namespace tenon {

namespace {

// The version of the language of moves and of the nests that they apply to.
constexpr std::string_view engine = "3";
constexpr std::size_t most_first = 4;  // schedules that a search begins with
std::string engine_of_this_build() { return fmt::format("{} {}", engine, build_id); }

DeviceRow row_of(const Backend& backend) {
  const auto cache_text = [](const CacheLevel& cache) {
    return fmt::format("{}K/{}", cache.bytes >> 10, cache.line);
  };
  const Machine& machine = backend.machine;
  return {.kind = machine.kind,
          .model = machine.model,
          .isa = std::string(backend.target.name),
          .caches = joined(machine.caches, " ", cache_text),
          .cores = machine.threads};
}

// The hashes of the kernels of a family begin with the same digits, so that the cache finds the
// family.
constexpr std::size_t family_digits = 12;
std::string family_of(const std::string& canonical) {
  return hash_fields({without_lengths(canonical)}).substr(0, family_digits);
}

WorkloadRow row_of(const KernelGraph& graph) {
  const std::string text = canonical_text(graph);
  const std::string hash = family_of(text) + hash_fields({text}).substr(family_digits);
  return {.hash = hash, .graph = text, .numerics = "canonical"};
}

// A schedule that this build picked.
ScheduleRow row_of(const Candidate& candidate) {
  return {.engine = engine_of_this_build(),
          .moves = print(candidate.moves),
          .point = candidate.point,
          .predicted_ns = candidate.predicted_ns,
          .limited_by = candidate.limit};
}

ScheduleRow row_of(const Tried& tried, bool is_winner) {
  ScheduleRow row = row_of(tried.candidate);
  row.measured_ns = tried.measured_ns;
  row.reason = tried.reason;
  row.status = ScheduleStatus::rejected;
  if (!tried.reason.empty()) return row;  // of this build: another one may build and run it
  row.engine = engine;
  row.samples = timing_batches;
  row.status = is_winner ? ScheduleStatus::tuned : ScheduleStatus::tried;
  return row;
}

// Nothing, and a warning, if the moves cannot be read.
std::optional<Candidate> candidate_in(const ScheduleRow& row) try {
  return Candidate{row.point, parse_schedule(row.moves, "cache"), row.predicted_ns, row.limited_by};
} catch (const Error& unreadable) {
  report(fmt::format("tenon: warning: a schedule is left out: {}", unreadable.what()));
  return {};
}

}  // namespace

// ArtifactRow::meta, which is beside the code.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Artifact, entry, launch_scratch, thread_scratch, name)

KernelStore::KernelStore(const Backend& backend, const std::optional<std::string>& cache_path,
                         const DebugStages& debug, Statistics& statistics)
    : backend_(backend),
      debug_(debug),
      statistics_(statistics),
      cache_(CacheOptions{cache_path}),
      device_row_(row_of(backend)) {
  const char* path = std::getenv("TENON_SCHEDULES");
  if (!path || !*path) return;
  if (!std::filesystem::exists(path))
    fail("TENON_SCHEDULES={}: there is no such file; tenon cache export FILE.sqlite writes one",
         path);
  lent_.emplace(CacheOptions{path});
}

// A tuned schedule holds for every build that reads the moves.
std::optional<ScheduleRow> KernelStore::find_tuned(const WorkloadRow& workload) {
  auto tuned = cache_.find_schedule(device_row_, workload, engine);
  if (!tuned && lent_) tuned = lent_->find_schedule(device_row_, workload, engine);
  return tuned;
}

// A picked schedule holds for its own build.
std::optional<ScheduleRow> KernelStore::find_schedule(const WorkloadRow& workload) {
  if (auto tuned = find_tuned(workload)) return tuned;
  return cache_.find_schedule(device_row_, workload, engine_of_this_build());
}

// Covers everything that decides the bytes of the code. `kernel` is the canonical text.
std::string KernelStore::key_of(const std::string& moves, const std::string& kernel) const {
  return hash_fields({moves, kernel, backend_.target.name, backend_.version, build_id});
}

// Moves by hand use the names of their nest, so the text of the nest is in the key too.
std::string KernelStore::key_of(const KernelGraph& graph, const Kernel& naive,
                                const Schedule& moves) const {
  return key_of(print(moves), canonical_text(graph) + print(naive));
}

Device::ProgramRef KernelStore::find_artifact(const std::string& key) {
  auto row = cache_.find_artifact(key);
  debug_.show(DebugStage::cache, "code " + key, [&] { return row ? "found" : "not there"; });
  if (!row) return nullptr;
  try {
    auto artifact = nlohmann::json::parse(row->meta).get<Artifact>();
    artifact.code = std::move(row->code);
    Device::ProgramRef program = backend_.device->load(artifact);
    ++statistics_.from_cache;
    return program;
  } catch (const std::exception&) {  // the facts cannot be read, or the code cannot be loaded
    cache_.forget_artifact(key);     // it is compiled again
    return nullptr;
  }
}

SharedProgram KernelStore::shared_program(const std::string& text) {
  SharedProgram& shared = programs_[text];
  if (!shared) shared = std::make_shared<Device::ProgramRef>();
  return shared;
}

SharedProgram KernelStore::program(const KernelGraph& graph) {
  const WorkloadRow workload = row_of(graph);
  const SharedProgram shared = shared_program(workload.graph);
  Device::ProgramRef& program = *shared;
  if (program) return shared;
  const auto known = find_schedule(workload);
  debug_.show(DebugStage::cache, "schedule of kernel " + workload.hash,
              [&] { return known ? "found\n" + known->moves : "not there"; });
  if (known) program = find_artifact(key_of(known->moves, workload.graph));
  if (!program) program = lower_and_build(graph, workload, known);
  return shared;
}

SharedProgram KernelStore::program(const KernelGraph& graph, const Kernel& naive,
                                   const Schedule& moves) {
  const std::string key = key_of(graph, naive, moves);
  const SharedProgram shared = shared_program(key);
  Device::ProgramRef& program = *shared;
  if (!program) program = find_artifact(key);
  if (program) return shared;
  const Timer lowering(statistics_.lowering_seconds, &statistics_.graph_seconds);
  const Built built = build(key, naive, moves, Check::each);
  if (const auto* failed = std::get_if<Refusal>(&built)) {
    const std::string what =
        fmt::format("kernel {} does not compile with the moves given", naive.name);
    throw MovesError(
        fmt::format("{}: {}", failed->place.empty() ? what : failed->place, failed->reason));
  }
  program = std::get<Device::ProgramRef>(built);
  return shared;
}

Scales KernelStore::scales() {
  const auto probed = nlohmann::json::parse(cache_.probed(device_row_), nullptr, false);
  Scales scales;
  for (const auto& [limit, scale] : probed.items())
    if (scale.is_number()) scales[limit] = scale;
  return scales;
}

bool KernelStore::rescale(const std::map<std::string, double>& factors) {
  Scales scales = this->scales();
  for (const auto& [limit, factor] : factors) scales.try_emplace(limit, 1).first->second *= factor;
  DeviceRow device = device_row_;
  device.probed = nlohmann::json(scales).dump();
  return cache_.rescale(device, factors);
}

std::vector<ScheduleEntry> KernelStore::measured() {
  std::vector<ScheduleEntry> entries = cache_.schedules();
  std::erase_if(entries, [&](const ScheduleEntry& entry) {
    return entry.schedule.measured_ns == 0 || device_id(entry.device) != device_id(device_row_);
  });
  return entries;
}

Space KernelStore::space_of(const Kernel& naive) {
  Space space{naive, backend_.target, backend_.machine};
  space.machine.scales = scales();
  return space;
}

std::multimap<double, ScheduleEntry> KernelStore::near(const WorkloadRow& workload) {
  std::multimap<double, ScheduleEntry> found;
  for (Cache* cache : {&cache_, lent_ ? &*lent_ : nullptr}) {
    if (!cache) continue;
    for (const ScheduleEntry& entry : cache->schedules(family_of(workload.graph))) {
      const auto& [device, other, schedule] = entry;
      if (schedule.status != ScheduleStatus::tuned || schedule.engine != engine ||
          schedule.point.empty() || device_id(device) != device_id(device_row_) ||
          other == workload)
        continue;
      const double apart = distance(workload.graph, other.graph);
      if (std::isfinite(apart)) found.emplace(apart, entry);
    }
  }
  return found;
}

KernelStore::Choice KernelStore::choice(const KernelGraph& graph) {
  const WorkloadRow workload = row_of(graph);
  const Kernel nest = tenon::naive(graph);
  const auto known = find_schedule(workload);
  const ScheduleRow row = first_choice(workload, known, nest);
  return {row, known.has_value(), parse_schedule(row.moves, "cache"),
          key_of(row.moves, workload.graph)};
}

ScheduleRow KernelStore::first_choice(const WorkloadRow& workload,
                                      const std::optional<ScheduleRow>& known,
                                      const Kernel& naive) {
  if (known) return *known;
  const auto tuned = near(workload);
  if (tuned.empty()) return row_of(untuned(space_of(naive)));
  const ScheduleEntry& nearest = tuned.begin()->second;
  ScheduleRow row = row_of(candidate_of(space_of(naive), nearest.schedule.point));
  row.reason = "as the tuned kernel " + nearest.workload.hash;
  return row;
}

// The schedule that the kernel runs on, which is the one to beat, what Tenon would choose now, and
// what is best for other lengths.
std::vector<Candidate> KernelStore::schedules_to_begin_with(const WorkloadRow& workload,
                                                            const Space& space) {
  std::vector<Candidate> first;
  if (const auto tuned = find_tuned(workload))
    if (const auto candidate = candidate_in(*tuned)) first.push_back(*candidate);
  first.push_back(untuned(space));
  for (const auto& [distance, entry] : near(workload))
    if (first.size() < most_first) first.push_back(candidate_of(space, entry.schedule.point));
  return first;
}

bool KernelStore::is_tuned(const KernelGraph& graph) {
  return find_tuned(row_of(graph)).has_value();
}

Found KernelStore::tune(const KernelGraph& graph, const std::string& whole, std::size_t place,
                        const SearchOptions& options) {
  const WorkloadRow workload = row_of(graph);
  const Space space = space_of(tenon::naive(graph));
  const bool was_tuned = is_tuned(graph);
  const auto known = options.resume ? tried_before(graph) : std::vector<Tried>();
  Worker worker({whole, static_cast<int>(place), workload.graph, backend_.machine.threads,
                 std::string(backend_.target.name)});
  Found found =
      search(schedules_to_begin_with(workload, space), known, space, worker.meter(), options);
  if (found.tried.front().measured_ns == 0) return found;
  std::vector<ScheduleEntry> entries;
  // A search that was stopped, or that tried nothing else, has not shown that the untuned schedule
  // is the fastest.
  const bool is_whole = found.tried.size() > 1 && !(options.stop && options.stop());
  const bool is_settled = found.winner > 0 || was_tuned || is_whole;
  for (std::size_t i = 0; i < found.tried.size(); ++i)
    entries.push_back(
        {device_row_, workload, row_of(found.tried[i], is_settled && i == found.winner)});
  // Two points may have the same moves. The winner is stored last, so that it stays the winner.
  std::swap(entries[found.winner], entries.back());
  cache_.store_schedules(entries);
  shared_program(workload.graph)->reset();
  program(graph);  // on the winner
  return found;
}

// What earlier searches measured, and what they rejected with this build.
std::vector<Tried> KernelStore::tried_before(const KernelGraph& graph) {
  std::vector<Tried> tried;
  for (const ScheduleRow& row : known_schedules(graph)) {
    if (row.engine != engine && row.engine != engine_of_this_build()) continue;
    if (row.measured_ns == 0 && row.status != ScheduleStatus::rejected) continue;
    if (const auto candidate = candidate_in(row))
      tried.push_back({*candidate, row.measured_ns, row.reason});
  }
  return tried;
}

std::vector<ScheduleRow> KernelStore::known_schedules(const KernelGraph& graph) {
  const WorkloadRow workload = row_of(graph);
  std::vector<ScheduleRow> rows;
  for (ScheduleEntry& entry : cache_.schedules(workload.hash))
    if (entry.workload == workload && device_id(entry.device) == device_id(device_row_))
      rows.push_back(std::move(entry.schedule));
  return rows;
}

// Takes the first schedule that compiles. One warning tells of all that failed.
Device::ProgramRef KernelStore::lower_and_build(const KernelGraph& graph,
                                                const WorkloadRow& workload,
                                                const std::optional<ScheduleRow>& known) {
  const Timer lowering(statistics_.lowering_seconds, &statistics_.graph_seconds);
  const Kernel naive = tenon::naive(graph);
  ++statistics_.lowered;
  debug_.show(DebugStage::loops, naive.name, [&] { return "naive nest\n" + print(naive); });
  // Finding a schedule takes long, so the next is found only if those before it have failed.
  const std::function<ScheduleRow()> attempts[] = {
      [&] { return first_choice(workload, known, naive); },
      [&] { return row_of(untuned(space_of(naive))); },
      [] { return row_of(Candidate()); },
  };
  std::vector<std::string> tried, failures;
  for (const auto& attempt : attempts) {
    ScheduleRow row = attempt();
    if (contains(tried, row.moves)) continue;
    tried.push_back(row.moves);
    debug_.show(DebugStage::search, naive.name,
                [&] { return "tries this schedule\n" + row.moves; });
    const Built built = build(row, naive, workload);
    const auto* failed = std::get_if<Refusal>(&built);
    if (failed) {
      row.status = ScheduleStatus::rejected;
      row.reason = failed->reason;
      append_once(failures, row.reason);
    }
    if (row != known) cache_.store_schedules({{device_row_, workload, row}});
    if (failed) continue;
    if (!failures.empty())
      report(fmt::format("tenon: warning: kernel {} runs on another schedule, for one failed: {}",
                         naive.name, fmt::join(failures, "; ")));
    return std::get<Device::ProgramRef>(built);
  }
  fail("kernel {} cannot be compiled: {}", naive.name, fmt::join(failures, "; "));
}

KernelStore::Built KernelStore::build(const ScheduleRow& row, const Kernel& naive,
                                      const WorkloadRow& workload) {
  Schedule moves;
  try {
    moves = parse_schedule(row.moves, "cache");
  } catch (const Error& unreadable) {
    return Refusal{unreadable.what()};
  }
  return build(key_of(row.moves, workload.graph), naive, moves, Check::once);
}

KernelStore::Built KernelStore::build(const std::string& key, const Kernel& naive,
                                      const Schedule& schedule, Check check) try {
  const auto show = [&](const Move& move, const Kernel& kernel) {
    debug_.show(DebugStage::moves, naive.name, [&] { return print(move) + "\n" + print(kernel); });
  };
  const Moved scheduled = apply_all(naive, schedule, show, check);
  if (const auto* refused = std::get_if<Refusal>(&scheduled)) return *refused;
  const Kernel& kernel = std::get<Kernel>(scheduled);
  debug_.show(DebugStage::loops, naive.name, [&] {
    return (schedule.empty() ? "no moves, nothing changed\n" : "scheduled nest\n") + print(kernel);
  });
  const FinishedKernel finished = finish(kernel, backend_.target);
  debug_.show(DebugStage::source, naive.name,
              [&] { return "LLVM IR\n" + backend_.print(finished, Output::ir); });
  const Compiled compiled = [&] {
    const Timer compiling(statistics_.compiling_seconds, &statistics_.lowering_seconds);
    return backend_.compile(finished);
  }();
  if (const auto* failure = std::get_if<Refusal>(&compiled)) return *failure;
  const Artifact& artifact = std::get<Artifact>(compiled);
  ++statistics_.compiled;
  Device::ProgramRef program = backend_.device->load(artifact);
  cache_.store_artifact({key, nlohmann::json(artifact).dump(), artifact.code});
  return program;
} catch (const InternalError& broken) {
  if constexpr (TENON_VERIFY) throw;
  return Refusal{broken.what()};
}

}  // namespace tenon
