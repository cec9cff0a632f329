#include "cache/connection.h"

#include <utility>

#include <fmt/format.h>

namespace tenon::cache {
namespace {

constexpr std::int64_t application = 0x54656e6f;  // "Teno": marks the file as ours in its header
constexpr std::int64_t version = 2;               // a change of the tables below is the next number

// {0}, {1} and {2} are the columns of DeviceRow, WorkloadRow and ScheduleRow, {3} the names of {1}.
constexpr const char* tables = R"sql(
drop table if exists artifact;
drop table if exists schedule;
drop table if exists workload;
drop table if exists device;

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
bool has_tables(Database& database, const std::string& path) {
  if (database.first<std::int64_t>("pragma application_id") != application) {
    if (database.first<std::int64_t>("select count(*) from sqlite_schema") == 0) return false;
    refuse("{} is a database of another program", path);
  }
  const auto found = database.first<std::int64_t>("pragma user_version");
  if (found > version) refuse("{} was written by a later version of Tenon", path);
  return found == version;
}

// Requires that no other process opens the file meanwhile (FolderLock). Ensures has_tables and, for
// a file, that readers and writers do not block each other (WAL).
void create_tables(Database& database) {
  database.run("pragma auto_vacuum = incremental");  // before the first table, or it has no effect
  database.run("pragma journal_mode = wal");
  constexpr const char* column = "{0} {1} not null";
  database.in_transaction([&](Database&) {
    database.run(fmt::format(fmt::runtime(tables), columns<DeviceRow>(column),
                             columns<WorkloadRow>(column), columns<ScheduleRow>(column),
                             columns<WorkloadRow>()));
    database.run(fmt::format("pragma application_id = {}", application));
    return database.run(fmt::format("pragma user_version = {}", version));
  });
}

// Open, put aside, open, create; the rest is for races lost to other processes.
constexpr int most_rounds = 8;

Connection connect_memory() {
  Connection connection{Database(":memory:"), "", std::nullopt};
  create_tables(connection.database);
  return connection;
}

// Shared, the lock keeps the file from being replaced between the look at it, its opening and that
// of its log. Exclusive, it lets one process at a time create the tables; without it, nullopt tells
// that they are to be created.
std::optional<Connection> open_file(const std::string& path, FolderLock::Mode mode) {
  const FolderLock lock(path, mode);
  prepare_location(path);
  Connection connection{Database(path), path, file_id(path)};
  connection.database.run("pragma synchronous = normal; pragma cell_size_check = on");
  if (!has_tables(connection.database, path)) {
    if (mode == FolderLock::Mode::shared) return std::nullopt;
    create_tables(connection.database);
  }
  return connection;
}

// Opens the file, and puts a damaged one aside. Throws DatabaseError where it cannot be used.
Connection connect_file(const std::string& path, const Warn& warn) {
  FolderLock::Mode mode = FolderLock::Mode::shared;
  for (int round = 0; round < most_rounds; ++round) {
    const std::optional<FileId> file = file_id(path);
    try {
      if (auto connection = open_file(path, mode)) return std::move(*connection);
      mode = FolderLock::Mode::exclusive;
    } catch (const DatabaseError& error) {
      if (error.trouble != Trouble::damaged) throw;
      put_aside(path, file, error.what(), warn);
    }
  }
  refuse("{} cannot be opened", path);
}

}  // namespace

Connection connect(const std::string& path, const Warn& warn) try {
  return path.empty() ? connect_memory() : connect_file(path, warn);
} catch (const DatabaseError& error) {
  const bool names_file = error.trouble == Trouble::refused;
  warn(fmt::format("cache: {}{}; nothing is kept after this process", names_file ? "" : path + ": ",
                   error.what()));
  return connect_memory();
}

}  // namespace tenon::cache
