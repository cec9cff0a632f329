// Cache: schedules with their timings, and compiled code, in one SQLite file that outlives the
// process. The session asks the cache before it compiles anything; `tenon cache` lists it. The
// cache knows nothing of graphs and moves: all it keeps are the strings and bytes of rows.h.
//
// A cache may be slow or empty, but never in the way: whatever happens to the file, look-ups miss,
// stores are dropped, one warning is given, and nothing is thrown. If its file is damaged, the
// cache starts anew in another beside it. Where there can be no file, it lives in memory. See
// location.h for both.
//
//   Cache cache;                                        // opens nothing yet
//   if (auto schedule = cache.find_schedule(device, workload, engine)) ...
//   if (auto artifact = cache.find_artifact(artifact_key({...}))) ...
//
// One Cache may be used from several threads, and one file from many processes. If a process is
// killed, only the row that it was writing is missing.
//
// Read next: cache.cpp (the SQL on rows), database.cpp (the tables), location.h (which file).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "cache/rows.h"

namespace tenon {

namespace cache {
class Database;
}

struct CacheOptions {
  // A file, or a folder that gets a file tenon.sqlite; empty: in memory. nullopt: $TENON_CACHE if
  // it is set (same meaning), else $XDG_CACHE_HOME/tenon, else ~/.cache/tenon.
  std::optional<std::string> path = {};
  std::int64_t artifact_limit = std::int64_t{1} << 30;  // bytes; the least recently used go first
  // Gets each warning, one line without newline; called under the cache's mutex. Empty: stderr.
  std::function<void(const std::string&)> warn = {};
  std::function<std::int64_t()> now = {};  // seconds since 1970; empty: the system's clock
};

struct CacheSummary {
  std::string path = {};  // empty: in memory
  std::int64_t schedules = 0;
  std::int64_t artifacts = 0;
  std::int64_t artifact_bytes = 0;
};

class Cache {
 public:
  // Opens nothing: the first call that needs the file does.
  explicit Cache(CacheOptions options = {});

  // Schedules. A hit has the same fields in device (but `probed`), in workload and in engine. The
  // tuned schedule comes before the picked one; tried and rejected ones are never found, only
  // listed.
  std::optional<ScheduleRow> find_schedule(const DeviceRow& device, const WorkloadRow& workload,
                                           std::string_view engine);
  // Stores all of them, or none; returns whether it did. A new tuned (picked) schedule makes the
  // former tuned (picked) one a tried one; a pick never replaces a measured row of the same moves.
  // An empty `probed` keeps the numbers that are there.
  bool store_schedules(const std::vector<ScheduleEntry>& entries);
  std::vector<ScheduleEntry> schedules(const std::string& hash_prefix = "");

  // The numbers in `probed` of the device; empty: there are none.
  std::string probed(const DeviceRow& device);
  // Stores the device with its `probed`, multiplies the predicted times of its schedules by the
  // factor of what limits them, and forgets the picked ones, which new predictions may change.
  // Returns whether it did.
  bool rescale(const DeviceRow& device, const std::map<std::string, double>& factors);

  // Machine code. A hit has passed its checksum; a row that does not is deleted and missed. A hit
  // writes nothing unless the last use is more than a day old.
  std::optional<ArtifactRow> find_artifact(const std::string& key);
  // Drops what was used longest ago to stay within the limit. An artifact that is larger than the
  // limit is not kept.
  void store_artifact(const ArtifactRow& artifact);
  void forget_artifact(const std::string& key);

  // Drops artifacts, least recently used first, until at most `limit` bytes remain; gives the space
  // back to the disk. Returns how many went.
  std::int64_t prune(std::int64_t limit);
  // Drops everything. Returns how many schedules and artifacts went.
  std::int64_t clear();

  CacheSummary summary();
  // The file that is, or would be, opened; empty: in memory. Opens nothing.
  std::string path() const;

 private:
  template <typename Work>
  auto attempt(Work&& work);
  bool change(const std::function<void(cache::Database&)>& work);
  void warn_once(const std::string& reason);

  CacheOptions options_;
  std::string path_;
  std::mutex mutex_;                           // guards all below
  std::shared_ptr<cache::Database> database_;  // shared_ptr, as the type is incomplete here
  bool warned_ = false;
};

}  // namespace tenon
