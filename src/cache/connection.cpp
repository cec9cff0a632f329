#include "cache/connection.h"

#include <utility>

#include <fmt/format.h>

namespace tenon::cache {
namespace {

constexpr std::int64_t application = 0x54656e6f;  // "Teno": marks the file as ours in its header
constexpr std::int64_t version = 1;               // a change of the tables below is the next number

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

std::int64_t number(Database& database, const char* sql) {
  std::int64_t value = 0;
  Query(database, sql).next(value);
  return value;
}

// Whether the file has our tables. It has not if it is empty or of an earlier version; then
// create_tables may be called. Throws DatabaseError: damaged if the file is no database, refused if
// it is another program's, or a later version's.
bool has_tables(Database& database, const std::string& path) {
  if (number(database, "pragma application_id") != application) {
    if (number(database, "select count(*) from sqlite_schema") == 0) return false;
    throw DatabaseError(Trouble::refused, path + " is a database of another program");
  }
  const std::int64_t found = number(database, "pragma user_version");
  if (found > version)
    throw DatabaseError(Trouble::refused, path + " was written by a later version of Tenon");
  return found == version;
}

// Requires that no other process opens the file meanwhile (FolderLock). Ensures has_tables and, for
// a file, that readers and writers do not block each other (WAL).
void create_tables(Database& database) {
  database.run("pragma auto_vacuum = incremental");  // before the first table, or it has no effect
  database.run("pragma journal_mode = wal");
  constexpr const char* column = "{0} {1} not null";
  Transaction transaction(database);
  database.run(fmt::format(fmt::runtime(tables), columns<DeviceRow>(column),
                           columns<WorkloadRow>(column), columns<ScheduleRow>(column),
                           columns<WorkloadRow>()));
  database.run(fmt::format("pragma application_id = {}", application));
  database.run(fmt::format("pragma user_version = {}", version));
  transaction.commit();
}

// Open, put aside, open, create; the rest is for races lost to other processes.
constexpr int most_rounds = 8;

Connection connect_memory() {
  Connection connection{Database(":memory:"), "", std::nullopt};
  create_tables(connection.database);
  return connection;
}

Connection fall_back(const std::string& reason, const Warn& warn) {
  warn(fmt::format("cache: {}; nothing is kept after this process", reason));
  return connect_memory();
}

// Shared, the lock keeps the file from being replaced between the look at it, its opening and that
// of its log. Exclusive, it lets one process at a time create the tables; without it, nullopt tells
// that they are to be created.
std::optional<Connection> open_file(const std::string& path, FolderLock::Mode mode) {
  const FolderLock lock(path, mode);
  if (const auto reason = prepare_location(path)) throw DatabaseError(Trouble::refused, *reason);
  Connection connection{Database(path), path, file_id(path)};
  connection.database.run("pragma synchronous = normal; pragma cell_size_check = on");
  if (!has_tables(connection.database, path)) {
    if (mode == FolderLock::Mode::shared) return std::nullopt;
    create_tables(connection.database);
  }
  return connection;
}

// Puts the file aside, with the warning; false if that cannot be done.
bool put_aside(const std::string& path, const FileId& file, const std::string& why,
               const Warn& warn) {
  const std::optional<std::string> target = quarantine(path, file);
  if (target && !target->empty()) {
    warn(fmt::format("cache: {} is damaged ({}); it was renamed to {} and starts anew", path, why,
                     *target));
  }
  return target.has_value();
}

}  // namespace

Connection connect(const std::string& path, const Warn& warn) {
  if (path.empty()) return connect_memory();
  FolderLock::Mode mode = FolderLock::Mode::shared;
  for (int round = 0; round < most_rounds; ++round) {
    const std::optional<FileId> file = file_id(path);
    try {
      if (auto connection = open_file(path, mode)) return std::move(*connection);
      mode = FolderLock::Mode::exclusive;
    } catch (const DatabaseError& error) {
      if (error.trouble == Trouble::refused) return fall_back(error.what(), warn);
      if (error.trouble == Trouble::failed) {
        return fall_back(fmt::format("{}: {}", path, error.what()), warn);
      }
      if (error.trouble == Trouble::damaged && file &&
          !put_aside(path, *file, error.what(), warn)) {
        return fall_back(fmt::format("{} is damaged and cannot be renamed", path), warn);
      }
    }
  }
  return fall_back(fmt::format("{} cannot be opened", path), warn);
}

Connection replace_damaged(Connection connection, const std::string& why, const Warn& warn) {
  const std::string path = connection.path;
  if (connection.file && !put_aside(path, *connection.file, why, warn)) {
    return fall_back(fmt::format("{} is damaged and cannot be renamed", path), warn);
  }
  // Renamed first, closed after: SQLite leaves the log alone when the file no longer has its name.
  {
    const Connection closed = std::move(connection);
  }
  return connect(path, warn);
}

}  // namespace tenon::cache
