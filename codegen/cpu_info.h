// CpuInfo: the table of this machine's processor, from CPUID and the system's files, with sound
// defaults where those say nothing. Nothing is measured. Used by the pick of schedules, the cache's
// row of the device, and `tenon device`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/compile.h"

namespace tenon {

struct CpuCache {
  std::int64_t bytes;
  int line;       // bytes
  int ways;       // 0: unknown
  int shared_by;  // hardware threads
};

struct CpuInfo {
  std::string model;             // as the processor names itself
  std::optional<Isa> widest;     // nothing: it has no FMA, and Tenon cannot run on it
  std::vector<CpuCache> caches;  // for data, from the first level outwards; never empty
  int threads = 1;               // hardware threads that this process may run on
  std::int64_t memory = 0;       // bytes of RAM; 0: unknown
};

CpuInfo read_cpu_info();

// The widest instructions alone: CPUID, no file. Error where there is no FMA.
Isa widest_isa();

}  // namespace tenon
