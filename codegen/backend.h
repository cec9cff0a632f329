// Backend: all that the session knows of the hardware that kernels run on, as one value. Used by
// the session, the kernel store and the choice of schedules; codegen/cpu_backend.h makes the CPU's.
// Another kind of hardware is another function that returns a Backend.
#pragma once

#include <map>

#include "core/device.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "lower/target.h"

namespace tenon {

struct CacheLevel {
  std::int64_t bytes;
  int line;  // bytes
  int ways;  // 0: unknown
};

// By what the times that the model predicts are multiplied, for each of its limits, such as "fma"
// (tuner/space/model.h). Limits that are not listed: 1.
using Scales = std::map<std::string, double, std::less<>>;

// What the system reports about the machine, with defaults for what it does not report. Nothing is
// measured.
struct Machine {
  std::string kind;                // "cpu"
  std::string model;               // as the processor names itself
  std::vector<std::string> isas;   // the instruction sets that it has, the widest first
  std::vector<CacheLevel> caches;  // for data, from the first level outwards; never empty
  int threads = 1;                 // how many run the loops of a kernel
  std::int64_t memory = 0;         // bytes of RAM; 0: unknown
  Scales scales = {};
};

enum class Output : std::uint8_t { ir, assembly, object };  // ir: LLVM's, before any pass

using Compiled = std::variant<Artifact, Refusal>;

struct Backend {
  std::unique_ptr<Device> device;
  Target target;    // what finish() needs
  Machine machine;  // read by the choice of schedules, and stored as the device's row of the cache
  // Requires a kernel that was finished for the target. Several threads may call it at once.
  std::function<Compiled(const FinishedKernel&)> compile;
  std::function<std::string(const FinishedKernel&, Output)> print;  // Error: compile would fail
  // The compiler's name and version: a part of the cache's key of compiled code.
  std::string version;
};

}  // namespace tenon
