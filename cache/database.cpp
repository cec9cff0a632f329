#include "cache/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace tenon::cache {
namespace {

// SQLite's codes for a damaged file. An SQLITE_ERROR says that a table of ours is missing or has
// other columns.
constexpr int damage[] = {SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR, SQLITE_MISMATCH};

Trouble trouble_of(int extended_code) {
  const bool is_damage = std::ranges::count(damage, extended_code & 0xff) > 0;
  return is_damage || extended_code == SQLITE_IOERR_CORRUPTFS ? Trouble::damaged : Trouble::failed;
}

// Does `work` and turns the library's exceptions into DatabaseError.
template <typename Work>
auto translated(Work&& work) try {
  return work();
} catch (const SQLite::Exception& error) {
  throw DatabaseError(trouble_of(error.getExtendedErrorCode()), error.what());
}

// What SQL gets for a field: 0 for a number that is not finite.
std::int64_t stored(std::int64_t field) { return field; }
double stored(double field) { return std::isfinite(field) ? field : 0; }
std::string stored(const std::string& field) { return field; }
std::string stored(ScheduleStatus field) { return std::string(status_name(field)); }

// SQLite converts a value of another type, which is damage that it does not see. An unknown status
// counts as rejected.
void read(const SQLite::Column& column, std::int64_t& field) { field = column.getInt64(); }
void read(const SQLite::Column& column, double& field) { field = column.getDouble(); }
void read(const SQLite::Column& column, std::string& field) { field = column.getString(); }
void read(const SQLite::Column& column, ScheduleStatus& field) {
  field = status_of(column.getString()).value_or(ScheduleStatus::rejected);
}

constexpr std::int64_t application = 0x54656e6f;  // "Teno": marks the file as ours in its header
constexpr std::int64_t version = 4;               // of the tables below; raised when they change

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
  for (;; std::this_thread::sleep_for(milliseconds(1))) try {
      database.run("pragma journal_mode = wal");
      return;
    } catch (const DatabaseError& error) {
      if (error.trouble != Trouble::failed || steady_clock::now() > end) throw;
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

}  // namespace

Database::Database(const std::string& file) : file_(file) {
  handle_ = translated([&] {
    return std::make_shared<SQLite::Database>(file.empty() ? ":memory:" : file,
                                              SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX,
                                              lock_timeout);
  });
  sqlite3_extended_result_codes(handle_->getHandle(), 1);
  sqlite3_db_config(handle_->getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_->getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

std::int64_t Database::run(const std::string& sql) {
  return translated([&] { return handle_->exec(sql); });
}

void Database::in_transaction(const std::function<void()>& work) {
  translated([&] {
    SQLite::Transaction transaction(*handle_, SQLite::TransactionBehavior::IMMEDIATE);
    work();
    transaction.commit();
  });
}

// The statement is reset at the end, because one that was busy still counts as running.
std::int64_t Database::query(const std::string& sql, const Fields& arguments,
                             const std::function<Fields()>& row) {
  return translated([&] {
    std::shared_ptr<SQLite::Statement>& statement = statements_[sql];
    if (!statement) statement = std::make_shared<SQLite::Statement>(*handle_, sql);
    const std::shared_ptr<void> end(nullptr, [&](void*) { statement->tryReset(); });
    for (int place = 0; const Field& argument : arguments)
      std::visit([&](const auto* field) { statement->bind(++place, stored(*field)); }, argument);
    while (statement->executeStep())
      for (int column = 0; const Field& field : row())
        std::visit([&](auto* to) { read(statement->getColumn(column++), *to); }, field);
    return handle_->getChanges();
  });
}

Database open_tables(const std::string& file) {
  Database database(file);
  database.run("pragma synchronous = normal; pragma cell_size_check = on");
  if (!has_tables(database)) create_tables(database);
  return database;
}

}  // namespace tenon::cache
