#include "cache/cache.h"

#include <chrono>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "cache/connection.h"
#include "cache/portable.h"

namespace tenon {
namespace {

using cache::Database;
using cache::DatabaseError;
using cache::Query;
using cache::Transaction;
using cache::Trouble;

constexpr std::int64_t day = std::int64_t{24} * 60 * 60;  // seconds

std::int64_t system_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void warn_on_stderr(const std::string& message) { fmt::print(stderr, "tenon: {}\n", message); }

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The key is part of it, so that code under another row's key does not pass.
std::string checksum(const ArtifactRow& artifact) {
  return hash_fields({artifact.key, artifact.meta, as_text(artifact.code)});
}

std::int64_t size_of(const ArtifactRow& artifact) {
  return static_cast<std::int64_t>(artifact.code.size() + artifact.meta.size());
}

std::int64_t number(Database& database, const char* sql) {
  std::int64_t value = 0;
  Query(database, sql).next(value);
  return value;
}

constexpr const char* sum_of_sizes = "select coalesce(sum(size), 0) from artifact";

// All fields of the workload count, not the hash alone.
std::optional<std::int64_t> find_workload(Database& database, const WorkloadRow& workload) {
  static const std::string sql =
      "select id from workload where " + cache::columns<WorkloadRow>("{0} = ?", " and ");
  std::int64_t id = 0;
  return Query(database, sql, workload).next(id) ? std::optional(id) : std::nullopt;
}

// Inserts or replaces a schedule, with its device and workload. Requires an open Transaction.
void insert_schedule(Database& database, const DeviceRow& device, const WorkloadRow& workload,
                     const ScheduleRow& schedule) {
  static const std::string insert_device = fmt::format(
      "insert into device(id, {}) values (?, {}) on conflict do update set "
      "probed = excluded.probed where excluded.probed <> ''",
      cache::columns<DeviceRow>(), cache::columns<DeviceRow>("?"));
  static const std::string insert_workload =
      fmt::format("insert or ignore into workload({}) values ({})", cache::columns<WorkloadRow>(),
                  cache::columns<WorkloadRow>("?"));
  static const std::string insert_row = fmt::format(
      "insert into schedule(workload, device, {}) values (?, ?, {}) "
      "on conflict do update set {} "
      "where excluded.status <> 'picked' or schedule.samples = 0",
      cache::columns<ScheduleRow>(), cache::columns<ScheduleRow>("?"),
      cache::columns<ScheduleRow>("{0} = excluded.{0}"));
  const std::string id = device_id(device);
  Query(database, insert_device, id, device).run();
  Query(database, insert_workload, workload).run();
  const std::int64_t of = find_workload(database, workload).value_or(0);
  if (schedule.status == ScheduleStatus::tuned || schedule.status == ScheduleStatus::picked) {
    Query(database,
          "update schedule set status = 'tried' where workload = ? and device = ? and engine = ? "
          "and status = ? and moves <> ?",
          of, id, schedule.engine, schedule.status, schedule.moves)
        .run();
  }
  Query(database, insert_row, of, id, schedule).run();
}

// Drops the least recently used artifacts until at most `limit` bytes remain. Returns how many.
std::int64_t evict_artifacts(Database& database, std::int64_t limit) {
  if (number(database, sum_of_sizes) <= limit) return 0;
  // `newer` counts the bytes of a row and of all that were used after it.
  Query(database,
        "delete from artifact where id in (select id from (select id, sum(size) over "
        "(order by last_use desc, id desc rows unbounded preceding) as newer from artifact) "
        "where newer > ?)",
        limit)
      .run();
  return database.changes();
}

bool delete_artifact(Database& database, std::string_view key) {
  Query(database, "delete from artifact where key = ?", key).run();
  return true;
}

// Notes the use of an artifact, or not: a look-up waits for nobody's lock.
void touch(Database& database, std::string_view key, std::int64_t now) {
  const int before = database.wait_for_locks(0);
  try {
    Query(database, "update artifact set last_use = ? where key = ?", now, key).run();
  } catch (const DatabaseError& error) {
    if (error.trouble != Trouble::failed) throw;
  }
  database.wait_for_locks(before);
}

// Hands the pages of deleted rows back to the file system.
void shrink(Database& database) {
  database.run("pragma incremental_vacuum; pragma wal_checkpoint(truncate)");
}

}  // namespace

Cache::Cache(CacheOptions options) : options_(std::move(options)) {
  if (!options_.warn) options_.warn = warn_on_stderr;
  if (!options_.now) options_.now = system_seconds;
  if (options_.path) {
    path_ = cache::resolve_path(*options_.path);
  } else if (auto path = cache::default_path(cache::process_environment)) {
    path_ = *path;
  } else {
    warn_once(
        "none of TENON_CACHE, XDG_CACHE_HOME and HOME is set; nothing is kept after this process");
  }
}

Cache::~Cache() = default;

void Cache::warn_once(const std::string& reason) {
  if (!std::exchange(warned_, true)) options_.warn("cache: " + reason);
}

// Does `work` on the open database. A damaged file is put aside, and `work` done once more on a new
// one; any other trouble gives one warning and `otherwise`.
template <typename Work, typename Result>
Result Cache::attempt(Work&& work, Result otherwise) {
  const std::lock_guard lock(mutex_);
  std::string damage;
  for (int round = 0; round < 2; ++round) {
    try {
      if (connection_ == nullptr) {
        connection_ = std::make_unique<cache::Connection>(cache::connect(path_, options_.warn));
      } else if (!damage.empty()) {
        *connection_ = cache::replace_damaged(std::move(*connection_), damage, options_.warn);
      }
      return work(connection_->database);
    } catch (const DatabaseError& error) {
      if (error.trouble == Trouble::damaged && round == 0) {
        damage = error.what();
      } else if (error.trouble == Trouble::moved && round == 0) {
        connection_.reset();
      } else {
        warn_once(fmt::format("{}: {}; going on without", path_, error.what()));
        // Whoever holds a lock that long may never let go: it is waited for once a process.
        if (connection_ != nullptr) connection_->database.wait_for_locks(0);
        return otherwise;
      }
    }
  }
  return otherwise;
}

std::optional<ScheduleRow> Cache::find_schedule(const DeviceRow& device,
                                                const WorkloadRow& workload,
                                                std::string_view engine) {
  static const std::string sql = fmt::format(
      "select {} from schedule where workload = ? and device = ? and engine = ? "
      "and status in ('tuned', 'picked') order by status = 'tuned' desc",
      cache::columns<ScheduleRow>());
  return attempt([&](Database& database) -> std::optional<ScheduleRow> {
    const std::optional<std::int64_t> id = find_workload(database, workload);
    ScheduleRow row;
    if (!id || !Query(database, sql, *id, device_id(device), engine).next(row)) return std::nullopt;
    return row;
  });
}

void Cache::store_schedule(const DeviceRow& device, const WorkloadRow& workload,
                           const ScheduleRow& schedule) {
  attempt([&](Database& database) {
    Transaction transaction(database);
    insert_schedule(database, device, workload, schedule);
    transaction.commit();
    return true;
  });
}

std::vector<ScheduleEntry> Cache::schedules(std::string_view hash_prefix) {
  static const std::string sql = fmt::format(
      "select {}, {}, {} from schedule s join workload w on w.id = s.workload "
      "join device d on d.id = s.device where substr(w.hash, 1, length(?1)) = ?1 "
      "order by w.hash, w.id, s.device, s.engine, "
      "instr('tuned picked tried rejected', s.status), s.moves",
      cache::columns<DeviceRow>("d.{0}"), cache::columns<WorkloadRow>("w.{0}"),
      cache::columns<ScheduleRow>("s.{0}"));
  return attempt([&](Database& database) {
    Query query(database, sql, hash_prefix);
    std::vector<ScheduleEntry> entries;
    for (ScheduleEntry entry; query.next(entry.device, entry.workload, entry.schedule);)
      entries.push_back(entry);
    return entries;
  });
}

std::optional<ArtifactRow> Cache::find_artifact(std::string_view key) {
  return attempt([&](Database& database) -> std::optional<ArtifactRow> {
    ArtifactRow artifact;
    std::string stored_checksum;
    std::int64_t last_use = 0;
    if (!Query(database, "select key, meta, checksum, last_use, code from artifact where key = ?",
               key)
             .next(artifact.key, artifact.meta, stored_checksum, last_use, artifact.code))
      return std::nullopt;
    if (stored_checksum != checksum(artifact)) {
      delete_artifact(database, key);
      return std::nullopt;
    }
    if (const std::int64_t now = options_.now(); now - last_use > day) touch(database, key, now);
    return artifact;
  });
}

void Cache::store_artifact(const ArtifactRow& artifact) {
  if (size_of(artifact) > options_.artifact_limit) return;
  attempt([&](Database& database) {
    Transaction transaction(database);
    Query(database,
          "insert into artifact(key, meta, checksum, size, last_use, code) "
          "values (?, ?, ?, ?, ?, ?) "
          "on conflict do update set meta = excluded.meta, checksum = excluded.checksum, "
          "size = excluded.size, last_use = excluded.last_use, code = excluded.code",
          artifact.key, artifact.meta, checksum(artifact), size_of(artifact), options_.now(),
          std::span(artifact.code))
        .run();
    evict_artifacts(database, options_.artifact_limit);
    transaction.commit();
    return true;
  });
}

void Cache::forget_artifact(std::string_view key) {
  attempt([&](Database& database) { return delete_artifact(database, key); });
}

std::vector<ArtifactInfo> Cache::artifacts(std::string_view key_prefix) {
  return attempt([&](Database& database) {
    Query query(database,
                "select key, meta, size, last_use from artifact "
                "where substr(key, 1, length(?1)) = ?1 order by last_use desc, id desc",
                key_prefix);
    std::vector<ArtifactInfo> infos;
    for (ArtifactInfo info; query.next(info.key, info.meta, info.size, info.last_use);)
      infos.push_back(info);
    return infos;
  });
}

std::string Cache::export_text() { return cache::print_schedules(schedules()); }

ImportResult Cache::import_text(std::string_view text) {
  std::vector<ScheduleEntry> entries;
  try {
    entries = cache::parse_schedules(text);
  } catch (const std::invalid_argument& mistake) {
    return {.error = mistake.what()};
  }
  const auto store = [&](Database& database) {
    Transaction transaction(database);
    for (const auto& [device, workload, schedule] : entries)
      insert_schedule(database, device, workload, schedule);
    transaction.commit();
    return ImportResult{.schedules = static_cast<std::int64_t>(entries.size())};
  };
  return attempt(store, {.error = "the cache cannot be written"});
}

std::int64_t Cache::prune(std::int64_t limit) {
  return attempt([&](Database& database) {
    const std::int64_t removed = evict_artifacts(database, limit);
    shrink(database);
    return removed;
  });
}

std::int64_t Cache::clear() {
  return attempt([&](Database& database) {
    std::int64_t removed = 0;
    Transaction transaction(database);
    for (const char* sql : {"delete from artifact", "delete from schedule"}) {
      Query(database, sql).run();
      removed += database.changes();
    }
    database.run("delete from workload; delete from device");
    transaction.commit();
    shrink(database);
    return removed;
  });
}

CacheSummary Cache::summary() {
  return attempt([&](Database& database) {
    return CacheSummary{.path = connection_->path,
                        .schedules = number(database, "select count(*) from schedule"),
                        .artifacts = number(database, "select count(*) from artifact"),
                        .artifact_bytes = number(database, sum_of_sizes)};
  });
}

}  // namespace tenon
