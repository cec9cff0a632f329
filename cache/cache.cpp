#include "cache/cache.h"

#include <cstdio>
#include <ctime>

#include "cache/database.h"
#include "cache/location.h"

namespace tenon {
namespace {

using cache::Database;
using cache::DatabaseError;
using cache::Trouble;

constexpr std::int64_t day = std::int64_t{24} * 60 * 60;  // seconds

// The checksum covers the key, so that code under another row's key does not pass.
std::string checksum(const ArtifactRow& artifact) {
  return hash_fields({artifact.key, artifact.meta, artifact.code});
}

std::int64_t size_of(const ArtifactRow& artifact) {
  return static_cast<std::int64_t>(artifact.code.size() + artifact.meta.size());
}

// Inserts a device, or replaces the numbers in its `probed`.
void insert_device(Database& database, const DeviceRow& device) {
  static const std::string sql = fmt::format(
      "insert into device(id, {}) values (?, {}) on conflict do update set "
      "probed = excluded.probed where excluded.probed <> ''",
      cache::columns<DeviceRow>(), cache::columns<DeviceRow>("?"));
  database.run(sql, device_id(device), device);
}

// Inserts or replaces a schedule, with its device and workload. Requires an open transaction.
void insert_schedule(Database& database, const ScheduleEntry& entry) {
  const auto& [device, workload, schedule] = entry;
  static const std::string insert_workload = fmt::format(
      "insert into workload({}) values ({}) on conflict do update set hash = hash returning id",
      cache::columns<WorkloadRow>(), cache::columns<WorkloadRow>("?"));
  static const std::string insert_row = fmt::format(
      "insert into schedule(workload, device, {}) values (?, ?, {}) "
      "on conflict do update set {} "
      "where excluded.status <> 'picked' or schedule.samples = 0",
      cache::columns<ScheduleRow>(), cache::columns<ScheduleRow>("?"),
      cache::columns<ScheduleRow>("{0} = excluded.{0}"));
  const std::string id = device_id(device);
  insert_device(database, device);
  const auto of = database.first<std::int64_t>(insert_workload, workload).value_or(0);
  if (schedule.status == ScheduleStatus::tuned || schedule.status == ScheduleStatus::picked)
    database.run(
        "update schedule set status = 'tried' where workload = ? and device = ? and engine = ? "
        "and status = ? and moves <> ?",
        of, id, schedule.engine, schedule.status, schedule.moves);
  database.run(insert_row, of, id, schedule);
}

// Drops the least recently used artifacts until at most `limit` bytes remain. Returns how many.
std::int64_t evict_artifacts(Database& database, std::int64_t limit) {
  // `newer` counts the bytes of a row and of all that were used after it.
  return database.run(
      "delete from artifact where id in (select id from (select id, sum(size) over "
      "(order by last_use desc, id desc rows unbounded preceding) as newer from artifact) "
      "where newer > ?)",
      limit);
}

std::int64_t delete_artifact(Database& database, const std::string& key) {
  return database.run("delete from artifact where key = ?", key);
}

// Notes the use of an artifact, unless another process holds the lock: a look-up never waits.
void touch(Database& database, const std::string& key, std::int64_t now) {
  const auto before = database.first<std::int64_t>("pragma busy_timeout");
  database.run("pragma busy_timeout = 0");
  try {
    database.run("update artifact set last_use = ? where key = ?", now, key);
  } catch (const DatabaseError& error) {
    if (error.trouble != Trouble::failed) throw;
  }
  database.run(fmt::format("pragma busy_timeout = {}", before.value_or(0)));
}

// Hands the pages of deleted rows back to the file system.
std::int64_t shrink(Database& database) {
  return database.run("pragma incremental_vacuum; pragma wal_checkpoint(truncate)");
}

}  // namespace

Cache::Cache(CacheOptions options) : options_(std::move(options)) {
  if (!options_.warn)
    options_.warn = [](const auto& line) { std::fputs(("tenon: " + line + "\n").c_str(), stderr); };
  if (!options_.now) options_.now = [] { return std::int64_t{std::time(nullptr)}; };
  const auto path = options_.path ? options_.path : cache::default_path();
  path_ = cache::resolve_path(path.value_or(""));
  if (!path)
    warn_once(
        "none of TENON_CACHE, XDG_CACHE_HOME and HOME is set; nothing is kept after this process");
}

std::string Cache::path() const { return cache::newest_generation(path_); }

void Cache::warn_once(const std::string& reason) {
  if (!std::exchange(warned_, true)) options_.warn("cache: " + reason);
}

// Does `work` on the open database. If the file cannot be opened or is damaged, does `work` where
// the cache goes on (next_place). Any other trouble gives one warning and an empty result.
template <typename Work>
auto Cache::attempt(Work&& work) {
  const std::lock_guard lock(mutex_);
  std::string file = database_ ? database_->file() : path();
  for (;;) try {
      if (!database_) {
        cache::prepare_location(file);
        database_ = std::make_shared<Database>(cache::open_tables(file));
      }
      return work(*database_);
    } catch (const DatabaseError& error) {
      if (error.trouble == Trouble::damaged) database_.reset();
      if (!database_ && !file.empty()) {
        file = cache::next_place(file, path_, error, options_.warn);
        continue;
      }
      warn_once(fmt::format("{}: {}; going on without", path_, error.what()));
      // A process that holds a lock for so long may never release it. So this one waits only once.
      if (database_) database_->run("pragma busy_timeout = 0");
      return std::invoke_result_t<Work, Database&>();
    }
}

// The same for work that changes rows: either all of it happens, or nothing.
// Returns whether it happened.
bool Cache::change(const std::function<void(Database&)>& work) {
  return attempt([&](Database& database) {
    database.in_transaction([&] { work(database); });
    return true;
  });
}

std::optional<ScheduleRow> Cache::find_schedule(const DeviceRow& device,
                                                const WorkloadRow& workload,
                                                std::string_view engine) {
  static const std::string sql = fmt::format(
      "select {} from schedule join workload w on w.id = workload "
      "where {} and device = ? and engine = ? and status in ('tuned', 'picked') "
      "order by status = 'tuned' desc",
      cache::columns<ScheduleRow>(), cache::columns<WorkloadRow>("w.{0} = ?", " and "));
  return attempt([&](Database& database) {
    return database.first<ScheduleRow>(sql, workload, device_id(device), std::string(engine));
  });
}

bool Cache::store_schedules(const std::vector<ScheduleEntry>& entries) {
  return change([&](Database& database) {
    for (const ScheduleEntry& entry : entries) insert_schedule(database, entry);
  });
}

std::string Cache::probed(const DeviceRow& device) {
  return attempt([&](Database& database) {
    const std::string id = device_id(device);
    return database.first<std::string>("select probed from device where id = ?", id).value_or("");
  });
}

bool Cache::rescale(const DeviceRow& device, const std::map<std::string, double>& factors) {
  return change([&](Database& database) {
    const std::string id = device_id(device);
    insert_device(database, device);
    database.run("delete from schedule where device = ? and status = 'picked'", id);
    for (const auto& [limit, factor] : factors)
      database.run(
          "update schedule set predicted_ns = predicted_ns * ? where device = ? and limited_by = ?",
          factor, id, limit);
  });
}

std::vector<ScheduleEntry> Cache::schedules(const std::string& hash_prefix) {
  static const std::string sql = fmt::format(
      "select {}, {}, {} from schedule s join workload w on w.id = s.workload "
      "join device d on d.id = s.device where substr(w.hash, 1, length(?1)) = ?1 "
      "order by w.hash, w.id, s.device, s.engine, "
      "instr('tuned picked tried rejected', s.status), s.moves",
      cache::columns<DeviceRow>("d.{0}"), cache::columns<WorkloadRow>("w.{0}"),
      cache::columns<ScheduleRow>("s.{0}"));
  return attempt([&](Database& database) { return database.all<ScheduleEntry>(sql, hash_prefix); });
}

std::optional<ArtifactRow> Cache::find_artifact(const std::string& key) {
  return attempt([&](Database& database) -> std::optional<ArtifactRow> {
    using Stored = std::tuple<std::string, std::string, std::string, std::int64_t>;
    const auto stored = database.first<Stored>(
        "select meta, code, checksum, last_use from artifact where key = ?", key);
    if (!stored) return std::nullopt;
    const auto& [meta, code, sum, last_use] = *stored;
    const ArtifactRow artifact{key, meta, code};
    if (sum != checksum(artifact)) {
      delete_artifact(database, key);
      return std::nullopt;
    }
    if (const std::int64_t now = options_.now(); now - last_use > day) touch(database, key, now);
    return artifact;
  });
}

void Cache::store_artifact(const ArtifactRow& artifact) {
  if (size_of(artifact) > options_.artifact_limit) return;
  change([&](Database& database) {
    database.run(
        "insert or replace into artifact(key, meta, checksum, size, last_use, code) "
        "values (?, ?, ?, ?, ?, cast(? as blob))",
        artifact.key, artifact.meta, checksum(artifact), size_of(artifact), options_.now(),
        artifact.code);
    evict_artifacts(database, options_.artifact_limit);
  });
}

void Cache::forget_artifact(const std::string& key) {
  attempt([&](Database& database) { return delete_artifact(database, key); });
}

std::int64_t Cache::prune(std::int64_t limit) {
  return attempt([&](Database& database) {
    const std::int64_t removed = evict_artifacts(database, limit);
    shrink(database);
    return removed;
  });
}

std::int64_t Cache::clear() {
  std::int64_t removed = 0;
  const bool done = change([&](Database& database) {
    removed = database.run("delete from artifact") + database.run("delete from schedule");
    database.run("delete from workload; delete from device");
  });
  attempt(shrink);
  return done ? removed : 0;
}

CacheSummary Cache::summary() {
  return attempt([&](Database& database) {
    using Counts = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
    const auto counts = database.first<Counts>(
        "select (select count(*) from schedule), count(*), coalesce(sum(size), 0) from artifact");
    const auto [schedules, artifacts, bytes] = counts.value_or(Counts());
    return CacheSummary{database_->file(), schedules, artifacts, bytes};
  });
}

}  // namespace tenon
