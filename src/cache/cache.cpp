#include "cache/cache.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "cache/connection.h"
#include "cache/portable.h"
#include "cache/tables.h"

namespace tenon {
namespace {

using cache::Database;
using cache::DatabaseError;
using cache::Transaction;
using cache::Trouble;

constexpr std::int64_t day = std::int64_t{24} * 60 * 60;  // seconds

std::int64_t system_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void warn_on_stderr(const std::string& message) { fmt::print(stderr, "tenon: {}\n", message); }

// Notes the use of an artifact, or not: a look-up waits for nobody's lock.
void touch(Database& database, std::string_view key, std::int64_t now) {
  const int before = database.wait_for_locks(0);
  try {
    cache::touch_artifact(database, key, now);
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
template <typename Result, typename Work>
Result Cache::attempt(Result otherwise, Work&& work) {
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
  return attempt(std::optional<ScheduleRow>(), [&](Database& database) {
    return cache::find_schedule(database, device, workload, engine);
  });
}

void Cache::store_schedule(const DeviceRow& device, const WorkloadRow& workload,
                           const ScheduleRow& schedule) {
  attempt(false, [&](Database& database) {
    Transaction transaction(database);
    cache::store_schedule(database, {device, workload, schedule});
    transaction.commit();
    return true;
  });
}

void Cache::forget_schedules(const DeviceRow& device, const WorkloadRow& workload,
                             std::string_view engine) {
  attempt(std::int64_t{0}, [&](Database& database) {
    return cache::forget_schedules(database, device, workload, engine);
  });
}

std::vector<ScheduleEntry> Cache::schedules(std::string_view hash_prefix) {
  return attempt(std::vector<ScheduleEntry>(),
                 [&](Database& database) { return cache::list_schedules(database, hash_prefix); });
}

std::optional<DeviceRow> Cache::find_device(const DeviceRow& identity) {
  return attempt(std::optional<DeviceRow>(),
                 [&](Database& database) { return cache::find_device(database, identity); });
}

void Cache::store_device(const DeviceRow& device) {
  attempt(false, [&](Database& database) {
    cache::store_device(database, device);
    return true;
  });
}

std::optional<ArtifactRow> Cache::find_artifact(std::string_view key) {
  return attempt(std::optional<ArtifactRow>(),
                 [&](Database& database) -> std::optional<ArtifactRow> {
                   auto stored = cache::find_artifact(database, key);
                   if (!stored) return std::nullopt;
                   if (!stored->sound) {
                     cache::forget_artifact(database, key);
                     return std::nullopt;
                   }
                   if (const std::int64_t now = options_.now(); now - stored->last_use > day) {
                     touch(database, key, now);
                   }
                   return std::move(stored->artifact);
                 });
}

void Cache::store_artifact(const ArtifactRow& artifact) {
  const auto size = static_cast<std::int64_t>(artifact.code.size() + artifact.meta.size());
  if (size > options_.artifact_limit) return;
  attempt(false, [&](Database& database) {
    Transaction transaction(database);
    cache::store_artifact(database, artifact, options_.now());
    cache::evict_artifacts(database, options_.artifact_limit);
    transaction.commit();
    return true;
  });
}

void Cache::forget_artifact(std::string_view key) {
  attempt(false, [&](Database& database) { return cache::forget_artifact(database, key); });
}

std::vector<ArtifactInfo> Cache::artifacts(std::string_view key_prefix) {
  return attempt(std::vector<ArtifactInfo>(),
                 [&](Database& database) { return cache::list_artifacts(database, key_prefix); });
}

std::string Cache::export_text() { return cache::print_schedules(schedules()); }

ImportResult Cache::import_text(std::string_view text) {
  const cache::ParsedSchedules parsed = cache::parse_schedules(text);
  if (!parsed.error.empty()) {
    return {.error = parsed.error};
  }
  const ImportResult failed{.error = "the cache cannot be written"};
  return attempt(failed, [&](Database& database) {
    Transaction transaction(database);
    for (const ScheduleEntry& entry : parsed.entries) {
      cache::store_schedule(database, entry);
    }
    transaction.commit();
    return ImportResult{.schedules = static_cast<std::int64_t>(parsed.entries.size())};
  });
}

std::int64_t Cache::prune(std::int64_t limit) {
  return attempt(std::int64_t{0}, [&](Database& database) {
    const std::int64_t removed = cache::evict_artifacts(database, limit);
    shrink(database);
    return removed;
  });
}

std::int64_t Cache::clear() {
  return attempt(std::int64_t{0}, [&](Database& database) {
    Transaction transaction(database);
    const std::int64_t removed = cache::clear(database);
    transaction.commit();
    shrink(database);
    return removed;
  });
}

CacheSummary Cache::summary() {
  return attempt(CacheSummary{}, [&](Database& database) {
    return CacheSummary{.path = connection_->path,
                        .schedules = cache::schedule_count(database),
                        .artifacts = cache::artifact_count(database),
                        .artifact_bytes = cache::artifact_bytes(database)};
  });
}

}  // namespace tenon
