// The rows of the cache as plain values. The session fills them in, the program `tenon cache`
// prints them. Everything is a string, a number or bytes: what a move or a graph means is known
// elsewhere. The columns of a row are listed once, in its columns(). Tables, queries and files of
// schedules are made from that list.
//
// Rows are named by hashes over fields that are kept apart, so that ("ab", "c") and ("a", "bc")
// differ. XXH3 finds accidental changes, but not forged ones. Against forgers, the cache relies on
// the owner of its file (location.h).
//
// Read next: cache.h (what can be done with the rows).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace tenon {

// A struct that lists its columns: columns(row, visit) calls visit(name, field) for each.
template <typename Row>
concept Columned = requires(Row& row) { Row::columns(row, [](const char*, auto&) {}); };

// A machine that kernels run on. All fields but `probed` make up its identity.
struct DeviceRow {
  std::string kind = {};    // "cpu", "cuda"
  std::string model = {};   // as the hardware names itself
  std::string isa = {};     // "avx512", "sm_90"
  std::string caches = {};  // sizes and lines as text, "48K/64 2048K/64 107520K/64"
  std::int64_t cores = 0;   // parallel units
  std::string driver = {};  // empty where there is none
  std::string probed = {};  // measured numbers as text; empty until probed

  static void columns(auto& row, auto&& visit) {
    visit("kind", row.kind);
    visit("model", row.model);
    visit("isa", row.isa);
    visit("caches", row.caches);
    visit("cores", row.cores);
    visit("driver", row.driver);
    visit("probed", row.probed);
  }
  bool operator==(const DeviceRow&) const = default;
};

// One kernel's graph. All fields together are its identity; `hash` only finds it quickly, and two
// workloads of one hash live side by side.
struct WorkloadRow {
  std::string hash = {};      // lower-case hexadecimal
  std::string graph = {};     // canonical text, which has the shapes and types of the leaves
  std::string numerics = {};  // the class within which all schedules give the same bits

  static void columns(auto& row, auto&& visit) {
    visit("hash", row.hash);
    visit("graph", row.graph);
    visit("numerics", row.numerics);
  }
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

// One schedule of one workload on one device, identified by workload, device, engine and moves. A
// workload, device and engine have at most one picked schedule and at most one tuned one.
struct ScheduleRow {
  std::string engine = {};  // version of the code that reads the moves
  std::string moves = {};   // text
  std::string point = {};   // the sketch and point that the moves come from; empty: there is none
  double predicted_ns = 0;  // by the model; 0: unknown
  std::string limited_by = {};  // what the model says limits it
  double measured_ns = 0;       // 0: not measured
  std::int64_t samples = 0;     // number of measurements behind measured_ns
  ScheduleStatus status = ScheduleStatus::picked;
  std::string reason = {};  // of a rejected one; of another one, where it comes from, if known

  static void columns(auto& row, auto&& visit) {
    visit("engine", row.engine);
    visit("moves", row.moves);
    visit("point", row.point);
    visit("predicted_ns", row.predicted_ns);
    visit("limited_by", row.limited_by);
    visit("measured_ns", row.measured_ns);
    visit("samples", row.samples);
    visit("status", row.status);
    visit("reason", row.reason);
  }
  bool operator==(const ScheduleRow&) const = default;
};

// The identity of a device: 32 hexadecimal digits over all of its fields but `probed`.
std::string device_id(const DeviceRow& device);

// XXH3 (128 bits) over the fields, each preceded by its length: 32 hexadecimal digits.
std::string hash_fields(std::initializer_list<std::string_view> fields);

// A schedule together with what it is for: a line of a listing or of an exported file.
struct ScheduleEntry {
  DeviceRow device = {};
  WorkloadRow workload = {};
  ScheduleRow schedule = {};

  static void columns(auto& row, auto&& visit) {
    visit("device", row.device);
    visit("workload", row.workload);
    visit("schedule", row.schedule);
  }
  bool operator==(const ScheduleEntry&) const = default;
};

// Compiled code.
struct ArtifactRow {
  // hash_fields() of everything that decides its bytes: the moves, the kernel's text, the
  // instruction set, the compiler with its version, and Tenon's build.
  std::string key = {};
  std::string meta = {};  // entry, scratch sizes and name; the session writes and reads it
  std::string code = {};  // bytes

  bool operator==(const ArtifactRow&) const = default;
};

}  // namespace tenon
