// KernelStore: from the graph of a kernel to a program that is loaded and can run. The store
// looks in memory, then in the cache, and lowers and compiles only what is in neither. The key is
// always the kernel's canonical text, which leaves out its buffers. Used by the session and by
// `tenon explain`.
//
// For each kernel, the cache holds the schedule as text, and the code under a key that covers
// everything that the code was made from. Together they spare a warm process the lowering and the
// compiler. A picked schedule is kept under the build that picked it, so that a better pick of a
// later build takes its place at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "cache/cache.h"
#include "codegen/backend.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/schedule.h"
#include "tuner/session/debug_stages.h"

namespace tenon {

struct Statistics;

class KernelStore {
 public:
  // The store keeps references to the backend, the debug stages and the statistics.
  KernelStore(const Backend& backend, const std::optional<std::string>& cache_path,
              const DebugStages& debug, Statistics& statistics);

  // The program for a kernel, on the schedule that the cache knows, else on the pick, else on the
  // naive nest. Error: even the naive nest does not compile.
  Device::ProgramRef program(const KernelGraph& graph);
  // The program for moves given by hand, with the nest that they apply to. MovesError: a move is
  // refused, or the result does not compile.
  Device::ProgramRef program(const KernelGraph& graph, const Kernel& naive, const Schedule& moves);

  // The schedule that program() tries first: as the cache has it, or the pick; and the key of its
  // code in the cache. For people.
  struct Choice {
    std::optional<ScheduleRow> row;  // nothing: it is the pick
    Schedule schedule;
    std::string key;
  };
  Choice choice(const KernelGraph& graph);
  // The key of the code for moves by hand.
  std::string key_of(const KernelGraph& graph, const Kernel& naive, const Schedule& moves) const;
  Cache& cache() { return cache_; }

 private:
  using Built = std::variant<Device::ProgramRef, Refusal>;
  std::string key_of(const std::string& moves, const std::string& kernel) const;
  std::optional<ScheduleRow> find_schedule(const WorkloadRow& workload);
  Device::ProgramRef find_artifact(const std::string& key);
  Device::ProgramRef lower_and_build(const KernelGraph& graph, const WorkloadRow& workload,
                                     const std::optional<ScheduleRow>& known);
  // Makes the schedule and builds the kernel with it. The row gets the moves if it has none, and
  // the reason if that failed.
  Built attempt(ScheduleRow& row, const std::function<Schedule()>& make_schedule,
                const Kernel& naive, const WorkloadRow& workload);
  // The nest with the moves applied, compiled, loaded and stored; or why that failed, and the place
  // of the move if one was refused.
  Built build(const std::string& key, const Kernel& naive, const Schedule& schedule, Check check);

  const Backend& backend_;
  const DebugStages& debug_;
  Statistics& statistics_;
  Cache cache_;
  DeviceRow device_row_;
  std::unordered_map<std::string, Device::ProgramRef> programs_;  // by canonical text or key
};

}  // namespace tenon
