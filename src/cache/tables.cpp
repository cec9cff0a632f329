#include "cache/tables.h"

#include "cache/key.h"

namespace tenon::cache {
namespace {

std::int64_t number(Database& database, const char* sql) {
  Query query(database, sql);
  return query.next() ? query.integer(0) : 0;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The key is part of it, so that code under another row's key does not pass.
std::string checksum(std::string_view key, std::string_view meta, std::span<const std::byte> code) {
  return hash_fields({key, meta, as_text(code)});
}

// Columns engine, moves, predicted_ns, measured_ns, samples, status, reason from `first` on. A
// status that is none counts as rejected: the row has been tampered with.
ScheduleRow read_schedule(const Query& query, int first) {
  return {.engine = query.text(first),
          .moves = query.text(first + 1),
          .predicted_ns = query.real(first + 2),
          .measured_ns = query.real(first + 3),
          .samples = query.integer(first + 4),
          .status = status_of(query.text(first + 5)).value_or(ScheduleStatus::rejected),
          .reason = query.text(first + 6)};
}

std::optional<std::int64_t> find_workload(Database& database, const WorkloadRow& workload) {
  Query query(database,
              "select id from workload where hash = ? and graph = ? and shapes = ? and types = ? "
              "and numerics = ?",
              workload.hash, workload.graph, workload.shapes, workload.types, workload.numerics);
  return query.next() ? std::optional(query.integer(0)) : std::nullopt;
}

std::int64_t store_workload(Database& database, const WorkloadRow& workload) {
  Query(database,
        "insert or ignore into workload(hash, graph, shapes, types, numerics) "
        "values (?, ?, ?, ?, ?)",
        workload.hash, workload.graph, workload.shapes, workload.types, workload.numerics)
      .run();
  return find_workload(database, workload).value_or(0);
}

}  // namespace

std::optional<ScheduleRow> find_schedule(Database& database, const DeviceRow& device,
                                         const WorkloadRow& workload, std::string_view engine) {
  const std::optional<std::int64_t> id = find_workload(database, workload);
  if (!id) return std::nullopt;
  Query query(database,
              "select engine, moves, predicted_ns, measured_ns, samples, status, reason "
              "from schedule where workload = ? and device = ? and engine = ? "
              "and status in ('tuned', 'picked') order by status = 'tuned' desc",
              *id, device_id(device), engine);
  return query.next() ? std::optional(read_schedule(query, 0)) : std::nullopt;
}

void store_schedule(Database& database, const ScheduleEntry& entry) {
  const std::string device = device_id(entry.device);
  const ScheduleRow& schedule = entry.schedule;
  store_device(database, entry.device);
  const std::int64_t workload = store_workload(database, entry.workload);
  const std::string_view status = status_name(schedule.status);
  if (schedule.status == ScheduleStatus::tuned || schedule.status == ScheduleStatus::picked) {
    Query(database,
          "update schedule set status = 'tried' where workload = ? and device = ? and engine = ? "
          "and status = ? and moves <> ?",
          workload, device, schedule.engine, status, schedule.moves)
        .run();
  }
  Query(database,
        "insert into schedule(workload, device, engine, moves, predicted_ns, measured_ns, samples, "
        "status, reason) values (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict do update set predicted_ns = excluded.predicted_ns, "
        "measured_ns = excluded.measured_ns, samples = excluded.samples, "
        "status = excluded.status, reason = excluded.reason "
        "where excluded.status <> 'picked' or schedule.samples = 0",
        workload, device, schedule.engine, schedule.moves, schedule.predicted_ns,
        schedule.measured_ns, schedule.samples, status, schedule.reason)
      .run();
}

std::int64_t forget_schedules(Database& database, const DeviceRow& device,
                              const WorkloadRow& workload, std::string_view engine) {
  const std::optional<std::int64_t> id = find_workload(database, workload);
  if (!id) return 0;
  Query(database, "delete from schedule where workload = ? and device = ? and engine = ?", *id,
        device_id(device), engine)
      .run();
  return database.changes();
}

std::vector<ScheduleEntry> list_schedules(Database& database, std::string_view prefix) {
  Query query(
      database,
      "select d.kind, d.model, d.isa, d.caches, d.cores, d.driver, d.probed, "
      "w.hash, w.graph, w.shapes, w.types, w.numerics, "
      "s.engine, s.moves, s.predicted_ns, s.measured_ns, s.samples, s.status, s.reason "
      "from schedule s join workload w on w.id = s.workload join device d on d.id = s.device "
      "where substr(w.hash, 1, length(?1)) = ?1 "
      "order by w.hash, w.id, s.device, s.engine, "
      "instr('tuned picked tried rejected', s.status), s.moves",
      prefix);
  std::vector<ScheduleEntry> entries;
  while (query.next()) {
    entries.push_back({.device = {.kind = query.text(0),
                                  .model = query.text(1),
                                  .isa = query.text(2),
                                  .caches = query.text(3),
                                  .cores = query.integer(4),
                                  .driver = query.text(5),
                                  .probed = query.text(6)},
                       .workload = {.hash = query.text(7),
                                    .graph = query.text(8),
                                    .shapes = query.text(9),
                                    .types = query.text(10),
                                    .numerics = query.text(11)},
                       .schedule = read_schedule(query, 12)});
  }
  return entries;
}

std::optional<DeviceRow> find_device(Database& database, const DeviceRow& identity) {
  Query query(database, "select probed from device where id = ?", device_id(identity));
  if (!query.next()) return std::nullopt;
  DeviceRow device = identity;
  device.probed = query.text(0);
  return device;
}

void store_device(Database& database, const DeviceRow& device) {
  Query(database,
        "insert into device(id, kind, model, isa, caches, cores, driver, probed) "
        "values (?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict do update set probed = excluded.probed where excluded.probed <> ''",
        device_id(device), device.kind, device.model, device.isa, device.caches, device.cores,
        device.driver, device.probed)
      .run();
}

std::optional<StoredArtifact> find_artifact(Database& database, std::string_view key) {
  Query query(database, "select key, meta, checksum, last_use, code from artifact where key = ?",
              key);
  if (!query.next()) return std::nullopt;
  const std::span<const std::byte> code = query.bytes(4);
  StoredArtifact stored{
      .artifact = {.key = query.text(0), .meta = query.text(1), .code = {code.begin(), code.end()}},
      .last_use = query.integer(3)};
  stored.sound = query.text(2) == checksum(key, stored.artifact.meta, stored.artifact.code);
  return stored;
}

void touch_artifact(Database& database, std::string_view key, std::int64_t now) {
  Query(database, "update artifact set last_use = ? where key = ?", now, key).run();
}

void store_artifact(Database& database, const ArtifactRow& artifact, std::int64_t now) {
  const std::span<const std::byte> code = artifact.code;
  const auto size = static_cast<std::int64_t>(code.size() + artifact.meta.size());
  Query(database,
        "insert into artifact(key, meta, checksum, size, last_use, code) values (?, ?, ?, ?, ?, ?) "
        "on conflict do update set meta = excluded.meta, checksum = excluded.checksum, "
        "size = excluded.size, last_use = excluded.last_use, code = excluded.code",
        artifact.key, artifact.meta, checksum(artifact.key, artifact.meta, code), size, now, code)
      .run();
}

bool forget_artifact(Database& database, std::string_view key) {
  Query(database, "delete from artifact where key = ?", key).run();
  return database.changes() > 0;
}

std::vector<ArtifactInfo> list_artifacts(Database& database, std::string_view prefix) {
  Query query(database,
              "select key, meta, size, last_use from artifact "
              "where substr(key, 1, length(?1)) = ?1 order by last_use desc, id desc",
              prefix);
  std::vector<ArtifactInfo> infos;
  while (query.next()) {
    infos.push_back({.key = query.text(0),
                     .meta = query.text(1),
                     .size = query.integer(2),
                     .last_use = query.integer(3)});
  }
  return infos;
}

std::int64_t schedule_count(Database& database) {
  return number(database, "select count(*) from schedule");
}

std::int64_t artifact_count(Database& database) {
  return number(database, "select count(*) from artifact");
}

std::int64_t artifact_bytes(Database& database) {
  return number(database, "select coalesce(sum(size), 0) from artifact");
}

std::int64_t evict_artifacts(Database& database, std::int64_t limit) {
  if (artifact_bytes(database) <= limit) return 0;
  // `newer` counts the bytes of a row and of all that were used after it.
  Query(database,
        "delete from artifact where id in (select id from (select id, sum(size) over "
        "(order by last_use desc, id desc rows unbounded preceding) as newer from artifact) "
        "where newer > ?)",
        limit)
      .run();
  return database.changes();
}

std::int64_t clear(Database& database) {
  std::int64_t rows = 0;
  Query(database, "delete from artifact").run();
  rows += database.changes();
  Query(database, "delete from schedule").run();
  rows += database.changes();
  Query(database, "delete from workload").run();
  Query(database, "delete from device").run();
  return rows;
}

}  // namespace tenon::cache
