// The rows of the cache as plain values. The session fills them in, the program `tenon cache`
// prints them. Everything is a string, a number or bytes: what a move or a graph means is known
// elsewhere.
//
// Read next: cache.h (what can be done with the rows), key.h (how they are named).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon {

// A machine that kernels run on. All fields but `probed` make up its identity (device_id in key.h).
struct DeviceRow {
  std::string kind = {};    // "cpu", "cuda"
  std::string model = {};   // as the hardware names itself
  std::string isa = {};     // "avx512", "sm_90"
  std::string caches = {};  // sizes and lines as text, "48K/64 2M/64 105M/64"
  std::int64_t cores = 0;   // parallel units
  std::string driver = {};  // empty where there is none
  std::string probed = {};  // measured numbers as text; empty until probed

  bool operator==(const DeviceRow&) const = default;
};

// One kernel's graph. All fields together are its identity; `hash` only finds it quickly, and two
// workloads of one hash live side by side.
struct WorkloadRow {
  std::string hash = {};      // lower-case hexadecimal
  std::string graph = {};     // canonical text
  std::string shapes = {};    // of the leaves, in the order of the text
  std::string types = {};     // of the leaves, in the order of the text
  std::string numerics = {};  // the class within which all schedules give the same bits

  bool operator==(const WorkloadRow&) const = default;
};

// What became of a schedule.
enum class ScheduleStatus {
  picked,    // the model's choice, not measured
  tuned,     // the winner of a measured search
  tried,     // measured or picked once, and surpassed
  rejected,  // wrong, crashed or timed out; `reason` says which
};

// "picked", "tuned", ...: as listings, files and tables have them. nullopt for any other name.
std::string_view status_name(ScheduleStatus status);
std::optional<ScheduleStatus> status_of(std::string_view name);

// One schedule of one workload on one device. Workload, device, engine and moves name it; of
// `picked` and of `tuned` there is at most one each for a workload, device and engine.
struct ScheduleRow {
  std::string engine = {};   // version of the code that reads the moves
  std::string moves = {};    // text
  double predicted_ns = 0;   // by the model; 0: unknown
  double measured_ns = 0;    // 0: not measured
  std::int64_t samples = 0;  // number of measurements behind measured_ns
  ScheduleStatus status = ScheduleStatus::picked;
  std::string reason = {};

  bool operator==(const ScheduleRow&) const = default;
};

// A schedule together with what it is for: a line of a listing or of an exported file.
struct ScheduleEntry {
  DeviceRow device = {};
  WorkloadRow workload = {};
  ScheduleRow schedule = {};

  bool operator==(const ScheduleEntry&) const = default;
};

// Compiled code under the key that artifact_key (key.h) makes of everything that went into it.
struct ArtifactRow {
  std::string key = {};
  std::string meta = {};  // entry offsets, scratch sizes; the code's owner reads it
  std::vector<std::byte> code = {};

  bool operator==(const ArtifactRow&) const = default;
};

// An artifact in a listing, without its code.
struct ArtifactInfo {
  std::string key = {};
  std::string meta = {};
  std::int64_t size = 0;      // bytes, code and meta
  std::int64_t last_use = 0;  // seconds since 1970, right to a day
};

}  // namespace tenon
