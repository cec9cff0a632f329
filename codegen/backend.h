// Backend: all that the session knows of the hardware that kernels run on, as one value. Used by
// the session, the kernel store and the choice of schedules; codegen/cpu_backend.h makes the CPU's.
// Another kind of hardware is another function that returns a Backend.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/device.h"
#include "lower/finish.h"
#include "lower/target.h"

namespace tenon {

struct CacheLevel {
  std::int64_t bytes;
  int line;       // bytes
  int ways;       // 0: unknown
  int shared_by;  // hardware threads
};

// What a machine says of itself, with sound defaults where it says nothing. Nothing is measured.
struct Machine {
  std::string kind;                // "cpu"
  std::string model;               // as the processor names itself
  std::vector<std::string> isas;   // the instruction sets that it has, the widest first
  std::vector<CacheLevel> caches;  // for data, from the first level outwards; never empty
  int threads = 1;                 // that run the loops of a kernel
  std::int64_t memory = 0;         // bytes of RAM; 0: unknown
};

enum class Output : std::uint8_t { ir, assembly, object };  // LLVM's IR as emitted, ..

struct CompileFailure {
  std::string reason;
};
using Compiled = std::variant<Artifact, CompileFailure>;

struct Backend {
  std::unique_ptr<Device> device;
  Target target;    // what finish() needs
  Machine machine;  // what the choice of a schedule weighs, and the cache's row of the device
  // Requires a kernel that was finished for the target. Several threads may call it at once.
  std::function<Compiled(const FinishedKernel&)> compile;
  std::function<std::string(const FinishedKernel&, Output)> print;  // Error: as of compile
  // The compiler with its version. With the target's name, it is what the code of a finished nest
  // depends on.
  std::string version;
};

}  // namespace tenon
