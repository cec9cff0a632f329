#include "cache/connection.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

namespace tenon::cache {
namespace {

constexpr std::int64_t application = 0x54656e6f;  // "Teno": marks the file as ours in its header
constexpr std::int64_t version = 3;               // of the tables below; raised when they change

// {0}, {1} and {2} are the columns of DeviceRow, WorkloadRow and ScheduleRow, {3} the names of {1}.
constexpr const char* tables = R"sql(
drop table if exists artifact; drop table if exists schedule;
drop table if exists workload; drop table if exists device;

create table device(id text primary key, {0}) without rowid;  -- id is device_id()

create table workload(
  id integer primary key, {1},
  unique({3})  -- not by hash alone: two graphs may share one
);

create table schedule(
  workload integer not null references workload,
  device   text not null references device,
  {2},
  primary key(workload, device, engine, moves)
) without rowid;

create table artifact(
  id       integer primary key,
  key      text not null unique,
  meta     text not null,
  checksum text not null,     -- over key, meta and code
  size     integer not null,  -- bytes of code and meta
  last_use integer not null,  -- seconds since 1970
  code     blob not null      -- last, so that a look at the others need not pass it
);
create index artifact_by_use on artifact(last_use, size);
)sql";

// Whether the file has our tables. It has not if it is empty or of an earlier version; then
// create_tables may be called. Throws DatabaseError: damaged if the file is no database, refused if
// it is another program's, or a later version's.
bool has_tables(Database& database) {
  // The number of tables is read first. Another process that creates them between these reads, all
  // in one transaction, has then marked the file as ours before the second read.
  const bool empty = database.first<std::int64_t>("select count(*) from sqlite_schema") == 0;
  if (database.first<std::int64_t>("pragma application_id") != application) {
    if (empty) return false;
    refuse("{} is a database of another program", database.file());
  }
  const auto found = database.first<std::int64_t>("pragma user_version");
  if (found > version) refuse("{} was written by a later version of Tenon", database.file());
  return found == version;
}

// Lets readers and writers work beside each other (WAL). SQLite does not wait for a lock where two
// processes do this to a new file at once, so the waiting is done here.
void switch_to_wal(Database& database) {
  using std::chrono::milliseconds, std::chrono::steady_clock;
  const auto end = steady_clock::now() + milliseconds(Database::lock_timeout);
  for (;;) {
    try {
      database.run("pragma journal_mode = wal");
      return;
    } catch (const DatabaseError& error) {
      if (error.trouble != Trouble::failed || steady_clock::now() > end) throw;
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
}

// Ensures has_tables. Several processes may do this to one file: the first creates the tables, and
// the others wait for it.
void create_tables(Database& database) {
  database.run("pragma auto_vacuum = incremental");  // before the first table, or it has no effect
  switch_to_wal(database);
  constexpr const char* column = "{0} {1} not null";
  database.in_transaction([&] {
    if (has_tables(database)) return;
    database.run(fmt::format(fmt::runtime(tables), columns<DeviceRow>(column),
                             columns<WorkloadRow>(column), columns<ScheduleRow>(column),
                             columns<WorkloadRow>()));
    database.run(
        fmt::format("pragma application_id = {}; pragma user_version = {}", application, version));
  });
}

Database open(const std::string& file) {
  if (!file.empty()) prepare_location(file);
  Database database(file);
  database.run("pragma synchronous = normal; pragma cell_size_check = on");
  if (!has_tables(database)) create_tables(database);
  return database;
}

// Opens the newest generation, and starts the next if that is damaged.
Database open_newest(const std::string& path, const Warn& warn) {
  for (;;) {
    const std::string file = newest_generation(path);
    try {
      return open(file);
    } catch (const DatabaseError& error) {
      if (error.trouble != Trouble::damaged) throw;
      start_generation_after(file, path, error.what(), warn);
    }
  }
}

}  // namespace

Database connect(const std::string& path, const Warn& warn) try {
  return open_newest(path, warn);
} catch (const DatabaseError& error) {
  const bool names_file = error.trouble == Trouble::refused;
  warn(fmt::format("cache: {}{}; nothing is kept after this process", names_file ? "" : path + ": ",
                   error.what()));
  return open("");
}

}  // namespace tenon::cache
