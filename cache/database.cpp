#include "cache/database.h"

#include <sqlite3.h>

#include <cmath>

namespace tenon::cache {
namespace {

Trouble trouble_of(int extended_code) {
  if (extended_code == SQLITE_IOERR_CORRUPTFS) return Trouble::damaged;
  if (extended_code == SQLITE_READONLY_DBMOVED) return Trouble::damaged;  // another put it aside
  switch (extended_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // a table of ours is missing or has other columns
    case SQLITE_MISMATCH:
      return Trouble::damaged;
    default:
      return Trouble::failed;
  }
}

[[noreturn]] void raise(sqlite3* handle) {
  throw DatabaseError(trouble_of(sqlite3_extended_errcode(handle)), sqlite3_errmsg(handle));
}

void require_ok(sqlite3* handle, int code) {
  if (code != SQLITE_OK) raise(handle);
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Database::Close::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::Database(const std::string& file) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);  // also after a failure, to read the message and to free it
  if (handle == nullptr) throw DatabaseError(Trouble::failed, "out of memory");
  require_ok(handle, code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  wait_for_locks(lock_timeout);
}

std::int64_t Database::run(const std::string& sql) {
  require_ok(handle_.get(), sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr));
  return changes();
}

std::int64_t Database::changes() const { return sqlite3_changes(handle_.get()); }

// Fails where SQLite has rolled back by itself, as after a full disk or a damaged page.
void Database::roll_back() { sqlite3_exec(handle_.get(), "rollback", nullptr, nullptr, nullptr); }

int Database::wait_for_locks(int milliseconds) {
  sqlite3_busy_timeout(handle_.get(), milliseconds);
  return std::exchange(lock_wait_, milliseconds);
}

sqlite3_stmt* Database::prepared(const std::string& sql) {
  std::unique_ptr<sqlite3_stmt, Close>& place = statements_[sql];
  if (place == nullptr) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
    place.reset(statement);
    require_ok(handle_.get(), code);
  }
  return place.get();
}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) raise(handle_);
  return code == SQLITE_ROW;
}

void Query::bind(std::string_view text) {
  const char* start = text.data() == nullptr ? "" : text.data();  // a null pointer would bind NULL
  require_ok(handle_, sqlite3_bind_text64(statement_, ++place_, start, text.size(), SQLITE_STATIC,
                                          SQLITE_UTF8));
}

void Query::bind(std::int64_t number) {
  require_ok(handle_, sqlite3_bind_int64(statement_, ++place_, number));
}

void Query::bind(double number) {
  const double stored = std::isfinite(number) ? number : 0;
  require_ok(handle_, sqlite3_bind_double(statement_, ++place_, stored));
}

void Query::read(std::string& bytes) {
  const auto* start = static_cast<const char*>(sqlite3_column_blob(statement_, column_));
  bytes.assign(start, start + sqlite3_column_bytes(statement_, column_));
  ++column_;
}

void Query::read(std::int64_t& number) { number = sqlite3_column_int64(statement_, column_++); }

void Query::read(double& number) { number = sqlite3_column_double(statement_, column_++); }

// A status that is none counts as rejected: the row has been tampered with.
void Query::read(ScheduleStatus& status) {
  std::string name;
  read(name);
  status = status_of(name).value_or(ScheduleStatus::rejected);
}

}  // namespace tenon::cache
