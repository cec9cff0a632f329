// The kernel store: from a kernel's graph to a program that is loaded and can be launched. It looks
// in memory, then in the cache, and lowers and compiles only what is in neither. The key everywhere
// is the kernel's canonical text, which leaves out its buffers.
//
// The cache holds, for each kernel, the schedule as text and the code under a key that covers
// everything it was made from; both together spare a warm process the lowering and the compiler. A
// schedule that was picked, not tuned, is kept under the build that picked it: a better pick is not
// held back by what an older one wrote.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "cache/cache.h"
#include "codegen/cpu_info.h"
#include "lower/fusion.h"
#include "tuner/session/debug_stages.h"
#include "tuner/session/session.h"
#include "tuner/session/timer.h"

namespace tenon {

// The row of a kernel. Its graph is what the store knows the kernel by.
WorkloadRow workload_of(const KernelGraph& graph);
// Its nest, without the names of the graph at hand: a schedule of it holds for every such graph.
Kernel nameless_naive(const KernelGraph& graph);

class KernelStore {
 public:
  struct Target {
    CpuInfo cpu;
    Isa isa;
    int threads;
  };
  KernelStore(Device& device, const Target& target, const std::optional<std::string>& cache_path,
              const DebugStages& debug, Statistics& statistics);

  // The program for a kernel, on the schedule that is known or picked. Error where even the naive
  // nest does not compile.
  Device::ProgramRef program(const KernelGraph& graph);
  // The same for moves given by hand, with the nest that they apply to. MovesError for a move that
  // is refused.
  Device::ProgramRef program(const KernelGraph& graph, const Kernel& naive, const Schedule& moves);

  // The schedule that a first call would run, where the cache has one, and under which key it has
  // the code of a kernel with some moves. `kernel` is its canonical text, and for moves by hand the
  // text of their nest behind it: the one tells what is computed, the other what names mean.
  std::optional<ScheduleRow> find_schedule(const WorkloadRow& workload);
  std::string key_of(const std::string& moves, const std::string& kernel) const;
  Cache& cache() { return cache_; }

 private:
  struct Built {
    Device::ProgramRef program = nullptr;  // where it failed
    std::string failure = {};
    std::string place = {};  // of the move that was refused
  };
  Device::ProgramRef find_artifact(const std::string& key);
  Device::ProgramRef lower_and_build(const KernelGraph& graph, const WorkloadRow& workload,
                                     const std::optional<ScheduleRow>& known);
  // The nest with the moves applied, compiled, loaded and stored; or what came in the way.
  Built build(const std::string& key, const Kernel& naive, const Schedule& schedule);

  Device& device_;
  Target target_;
  const DebugStages& debug_;
  Statistics& statistics_;
  Cache cache_;
  DeviceRow device_row_;
  std::unordered_map<std::string, Device::ProgramRef> programs_;  // by canonical text or key
};

}  // namespace tenon
