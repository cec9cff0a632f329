// KernelStore: turns the graph of a kernel into a program that is loaded and can run. The store
// looks in memory, then in the cache, and lowers and compiles only what is in neither. A kernel is
// found by its canonical text, which leaves out its buffers; with moves by hand, by a key that
// covers the moves too. Used by the session and by `tenon explain`.
//
// For each kernel, the cache holds the schedule as text, and the code under a key that covers
// everything that the code was made from. With both, a warm process neither lowers nor compiles. A
// picked schedule, which nobody has tuned, is found only by the build of Tenon that picked it, so
// that a better one of a later build takes its place at once. If kernels were tuned that differ
// from a new kernel in lengths only, it takes the point of the nearest one (near_shapes.h).
//
// $TENON_SCHEDULES may name a second cache, which lends tuned schedules and is never written.
#pragma once

#include <map>
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
#include "tuner/search/search.h"
#include "tuner/search/worker.h"
#include "tuner/session/debug_stages.h"
#include "tuner/session/plan.h"

namespace tenon {

struct Statistics;

class KernelStore {
 public:
  // The store keeps references to the backend, the debug stages and the statistics.
  KernelStore(const Backend& backend, const std::optional<std::string>& cache_path,
              const DebugStages& debug, Statistics& statistics);

  // The program for a kernel, on the schedule that the cache knows, else on the untuned one, else
  // on the naive nest. Error: even the naive nest does not compile.
  SharedProgram program(const KernelGraph& graph);
  // The same object for the kernel of this canonical text. It is null until program() was called.
  SharedProgram shared_program(const std::string& text);
  // The program for moves given by hand, with the nest that they apply to. MovesError: a move is
  // refused, or the result does not compile.
  SharedProgram program(const KernelGraph& graph, const Kernel& naive, const Schedule& moves);

  // The schedule that program() tries first, which is the cache's or the untuned one, and the key
  // of its code in the cache. For `tenon explain`.
  struct Choice {
    ScheduleRow row;
    bool is_stored;  // the schedule is in the cache already
    Schedule schedule;
    std::string key;
  };
  Choice choice(const KernelGraph& graph);
  Space space_of(const Kernel& naive);
  // All schedules, of any kernel, that were measured on this device.
  std::vector<ScheduleEntry> measured();
  // Multiplies what the model predicts for this device from now on, for each of its limits by the
  // factor. Returns whether the cache has stored it.
  bool rescale(const std::map<std::string, double>& factors);
  bool is_tuned(const KernelGraph& graph);  // on this device, by any search
  // Searches for the kernel's fastest schedule, stores what was tried, and makes the winner the
  // kernel's program. Nothing is stored if the schedule in use cannot be measured. The worker finds
  // the kernel at `place` among those of the graph `whole`, as in Job.
  // Error: the worker cannot be started.
  Found tune(const KernelGraph& graph, const std::string& whole, std::size_t place,
             const SearchOptions& options);
  // All schedules of the kernel that the cache has for this device.
  std::vector<ScheduleRow> known_schedules(const KernelGraph& graph);
  // The key of the code for moves by hand.
  std::string key_of(const KernelGraph& graph, const Kernel& naive, const Schedule& moves) const;
  Cache& cache() { return cache_; }

 private:
  Scales scales();
  using Built = std::variant<Device::ProgramRef, Refusal>;
  std::string key_of(const std::string& moves, const std::string& kernel) const;
  std::optional<ScheduleRow> find_schedule(const WorkloadRow& workload);
  // The known schedule, else the one of the nearest tuned kernel, else the untuned one.
  ScheduleRow first_choice(const WorkloadRow& workload, const std::optional<ScheduleRow>& known,
                           const Kernel& naive);
  // The tuned schedules of kernels with other lengths that are near enough, by distance.
  std::multimap<double, ScheduleEntry> near(const WorkloadRow& workload);
  std::optional<ScheduleRow> find_tuned(const WorkloadRow& workload);
  std::vector<Tried> tried_before(const KernelGraph& graph);
  std::vector<Candidate> schedules_to_begin_with(const WorkloadRow& workload, const Space& space);
  Device::ProgramRef find_artifact(const std::string& key);
  Device::ProgramRef lower_and_build(const KernelGraph& graph, const WorkloadRow& workload,
                                     const std::optional<ScheduleRow>& known);
  // Applies the moves to the nest, compiles it, loads the code and stores it in the cache. Returns
  // the program, or why that failed, with the place of the move if one was refused.
  Built build(const std::string& key, const Kernel& naive, const Schedule& schedule, Check check);
  // The same for moves as text, which may be unreadable.
  Built build(const ScheduleRow& row, const Kernel& naive, const WorkloadRow& workload);

  const Backend& backend_;
  const DebugStages& debug_;
  Statistics& statistics_;
  Cache cache_;
  std::optional<Cache> lent_;  // of $TENON_SCHEDULES
  DeviceRow device_row_;
  std::unordered_map<std::string, SharedProgram> programs_;  // by canonical text or key
};

}  // namespace tenon
