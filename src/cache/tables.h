// What is read from and written to the four tables: one function a task, all SQL on rows in one
// place. Used by cache.cpp, which adds the mutex and the recovery. All throw DatabaseError.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/database.h"
#include "cache/rows.h"

namespace tenon::cache {

// The best schedule for exactly this workload (all of its fields, not the hash alone): the tuned
// one, else the picked one.
std::optional<ScheduleRow> find_schedule(Database& database, const DeviceRow& device,
                                         const WorkloadRow& workload, std::string_view engine);

// Inserts or replaces a schedule, with its device and workload. A new tuned (picked) schedule turns
// the former tuned (picked) one into a tried one; a pick never replaces a measured row of the
// same moves. Requires an open Transaction.
void store_schedule(Database& database, const ScheduleEntry& entry);

// Deletes all schedules of a workload on a device, of any status. Returns how many.
std::int64_t forget_schedules(Database& database, const DeviceRow& device,
                              const WorkloadRow& workload, std::string_view engine);

// Schedules whose workload's hash starts with `prefix`, ordered by hash, device, engine and status.
std::vector<ScheduleEntry> list_schedules(Database& database, std::string_view prefix);

// The stored row of the same identity, with its probed numbers.
std::optional<DeviceRow> find_device(Database& database, const DeviceRow& identity);
void store_device(Database& database, const DeviceRow& device);

// An artifact as it is stored; `sound` is false where the checksum does not fit.
struct StoredArtifact {
  ArtifactRow artifact;
  std::int64_t last_use = 0;
  bool sound = false;
};
std::optional<StoredArtifact> find_artifact(Database& database, std::string_view key);
void touch_artifact(Database& database, std::string_view key, std::int64_t now);
void store_artifact(Database& database, const ArtifactRow& artifact, std::int64_t now);
bool forget_artifact(Database& database, std::string_view key);
std::vector<ArtifactInfo> list_artifacts(Database& database, std::string_view prefix);

std::int64_t schedule_count(Database& database);
std::int64_t artifact_count(Database& database);
std::int64_t artifact_bytes(Database& database);  // of all artifacts, code and meta

// Deletes the least recently used artifacts until at most `limit` bytes remain. Returns how many.
std::int64_t evict_artifacts(Database& database, std::int64_t limit);

// Deletes every row of every table. Returns how many schedules and artifacts went.
std::int64_t clear(Database& database);

}  // namespace tenon::cache
