#include "tuner/session/kernel_store.h"

#include <cstdio>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "tuner/build_id.h"
#include "tuner/schedule/pick.h"

namespace tenon {

namespace {

// The version of the language of moves and of the nests that they apply to.
constexpr std::string_view engine = "2";
std::string engine_of_picks() { return fmt::format("{} {}", engine, build_id); }

DeviceRow row_of(const KernelStore::Target& target) {
  const auto cache_text = [](const CpuCache& cache) {
    return fmt::format("{}K/{}", cache.bytes >> 10, cache.line);
  };
  return {.kind = "cpu",
          .model = target.cpu.model,
          .isa = std::string(name(target.isa)),
          .caches = joined(target.cpu.caches, " ", cache_text),
          .cores = target.threads};
}

ArtifactRow row_of(const std::string& key, const Artifact& artifact) {
  return {key,
          fmt::format("entry {} shared {} thread {}", artifact.entry, artifact.launch_scratch,
                      artifact.thread_scratch),
          artifact.code};
}

// Error: the row is not of this form.
Artifact artifact_of(ArtifactRow row) {
  Artifact artifact{.code = std::move(row.code)};
  if (std::sscanf(row.meta.c_str(), "entry %zu shared %zu thread %zu", &artifact.entry,
                  &artifact.launch_scratch, &artifact.thread_scratch) != 3)
    fail("code with the facts '{}' cannot be read", row.meta);
  return artifact;
}

}  // namespace

Kernel nameless_naive(const KernelGraph& graph) {
  return naive(graph, [](const Node&) { return ""; });
}

WorkloadRow workload_of(const KernelGraph& graph) {
  const std::string known_by = canonical_text(graph);
  const auto shape = [](const NodeRef& input) { return text(input->shape); };
  const auto type = [](const NodeRef& input) { return std::string(info(input->type).name); };
  return {.hash = hash_fields({known_by}),
          .graph = known_by,
          .shapes = joined(graph.inputs, " ", shape),
          .types = joined(graph.inputs, " ", type),
          .numerics = "canonical"};
}

KernelStore::KernelStore(Device& device, const Target& target,
                         const std::optional<std::string>& cache_path, const DebugStages& debug,
                         Statistics& statistics)
    : device_(device),
      target_(target),
      debug_(debug),
      statistics_(statistics),
      cache_(CacheOptions{cache_path}),
      device_row_(row_of(target)) {}

// A tuned schedule holds for every build that reads the moves, a picked one for its own.
std::optional<ScheduleRow> KernelStore::find_schedule(const WorkloadRow& workload) {
  if (auto tuned = cache_.find_schedule(device_row_, workload, engine)) return tuned;
  return cache_.find_schedule(device_row_, workload, engine_of_picks());
}

// Covers everything that decides the bytes of the code. There are no flags to compile with yet.
std::string KernelStore::key_of(const std::string& moves, const std::string& kernel) const {
  return hash_fields({moves, kernel, name(target_.isa), compiler_version(), build_id});
}

Device::ProgramRef KernelStore::find_artifact(const std::string& key) {
  auto row = cache_.find_artifact(key);
  debug_.print(DebugStage::cache,
               [&] { return fmt::format("code {}: {}", key, row ? "found" : "not there"); });
  if (!row) return nullptr;
  try {
    Device::ProgramRef program = device_.load(artifact_of(std::move(*row)));
    ++statistics_.from_cache;
    return program;
  } catch (const Error&) {
    cache_.forget_artifact(key);  // it is compiled again
    return nullptr;
  }
}

Device::ProgramRef KernelStore::program(const KernelGraph& graph) {
  const WorkloadRow workload = workload_of(graph);
  Device::ProgramRef& program = programs_[workload.graph];
  if (program) return program;
  const auto schedule = find_schedule(workload);
  debug_.print(DebugStage::cache, [&] {
    return fmt::format("schedule of kernel {}: {}", workload.hash,
                       schedule ? "found\n" + schedule->moves : "not there");
  });
  if (schedule) program = find_artifact(key_of(schedule->moves, workload.graph));
  if (!program) program = lower_and_build(graph, workload, schedule);
  return program;
}

Device::ProgramRef KernelStore::program(const KernelGraph& graph, const Kernel& naive,
                                        const Schedule& moves) {
  const std::string key = key_of(print(moves), canonical_text(graph) + print(naive));
  Device::ProgramRef& program = programs_[key];
  if (!program) program = find_artifact(key);
  if (program) return program;
  const Timer lowering(statistics_.lowering_seconds, statistics_.graph_seconds);
  const Built built = build(key, naive, moves);
  if (!built.place.empty()) throw MovesError(fmt::format("{}: {}", built.place, built.failure));
  if (!built.program)
    throw MovesError(fmt::format("kernel {} does not compile with the moves given: {}", naive.name,
                                 built.failure));
  return program = built.program;
}

// Tries what the cache knew, then the pick, then the naive nest as it is; one warning tells of all
// that failed.
Device::ProgramRef KernelStore::lower_and_build(const KernelGraph& graph,
                                                const WorkloadRow& workload,
                                                const std::optional<ScheduleRow>& known) {
  const Timer lowering(statistics_.lowering_seconds, statistics_.graph_seconds);
  const Kernel naive = nameless_naive(graph);
  ++statistics_.lowered;
  debug_.print(DebugStage::loops,
               [&] { return fmt::format("{}: naive nest\n{}", naive.name, print(naive)); });

  std::string failures;
  const auto attempt = [&](ScheduleRow row) {
    Built built;
    std::optional<Schedule> schedule;
    try {
      schedule = parse_schedule(row.moves, "cache");
    } catch (const Error& unreadable) {
      built.failure = unreadable.what();
    }
    if (schedule) built = build(key_of(row.moves, workload.graph), naive, *schedule);
    if (!built.program) {
      row.status = ScheduleStatus::rejected;
      row.reason = built.failure;
      failures += (failures.empty() ? "" : "; ") + built.failure;
    }
    if (row != known) cache_.store_schedules({{device_row_, workload, row}});
    return built.program;
  };
  Device::ProgramRef program = known ? attempt(*known) : nullptr;
  if (program) return program;
  const std::string picked = print(pick(naive, target_.cpu, target_.isa, target_.threads));
  debug_.print(DebugStage::search, [&] {
    return fmt::format("{}: untuned pick\n{}", naive.name, picked.empty() ? "no moves" : picked);
  });
  program = attempt({.engine = engine_of_picks(), .moves = picked});
  if (!program && !picked.empty()) program = attempt({.engine = engine_of_picks()});
  if (!program) fail("kernel {} cannot be compiled: {}", naive.name, failures);
  if (!failures.empty())
    report(fmt::format("tenon: warning: kernel {} runs on another schedule, for one failed: {}",
                       naive.name, failures));
  return program;
}

KernelStore::Built KernelStore::build(const std::string& key, const Kernel& naive,
                                      const Schedule& schedule) try {
  const auto show_move = [&](const Move& move, const Kernel& kernel) {
    debug_.print(DebugStage::moves,
                 [&] { return fmt::format("{}: {}\n{}", naive.name, print(move), print(kernel)); });
  };
  const Moved scheduled = apply_all(naive, schedule, show_move);
  if (const auto* refused = std::get_if<Refusal>(&scheduled))
    return {nullptr, refused->reason, refused->place};
  const Kernel& kernel = std::get<Kernel>(scheduled);
  debug_.print(schedule.empty() ? DebugStage::moves : DebugStage::loops, [&] {
    return schedule.empty() ? naive.name + ": no moves, nothing changed"
                            : fmt::format("{}: scheduled nest\n{}", naive.name, print(kernel));
  });
  const FinishedKernel finished = finish(kernel, target(target_.isa));
  debug_.print(DebugStage::source, [&] {
    return fmt::format("{}: LLVM IR\n{}", naive.name, print(finished, target_.isa, Output::ir));
  });
  const Compiled compiled = [&] {
    const Timer compiling(statistics_.compiling_seconds, statistics_.lowering_seconds);
    return compile(finished, target_.isa);
  }();
  if (const auto* failure = std::get_if<CompileFailure>(&compiled))
    return {nullptr, failure->reason};
  const Artifact& artifact = std::get<Artifact>(compiled);
  ++statistics_.compiled;
  const Device::ProgramRef program = device_.load(artifact);
  cache_.store_artifact(row_of(key, artifact));
  return {program};
} catch (const InternalError& broken) {
  if constexpr (TENON_VERIFY) throw;
  return {nullptr, broken.what()};
}

}  // namespace tenon
