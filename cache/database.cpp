#include "cache/database.h"

#include <sqlite3.h>

namespace tenon::cache {
namespace {

Trouble trouble_of(int extended_code) {
  if (extended_code == SQLITE_IOERR_CORRUPTFS) return Trouble::damaged;
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

// Requires that `value` stays until the statement has run.
int bind(sqlite3_stmt* statement, int place, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return sqlite3_bind_int64(statement, place, *integer);
  if (const auto* real = std::get_if<double>(&value))
    return sqlite3_bind_double(statement, place, *real);
  const auto& text = std::get<std::string>(value);
  return sqlite3_bind_text64(statement, place, text.data(), text.size(), SQLITE_STATIC,
                             SQLITE_UTF8);
}

Value value_in(sqlite3_stmt* statement, int column) {
  const int type = sqlite3_column_type(statement, column);
  if (type == SQLITE_INTEGER) return std::int64_t{sqlite3_column_int64(statement, column)};
  if (type == SQLITE_FLOAT) return sqlite3_column_double(statement, column);
  const auto* start = static_cast<const char*>(sqlite3_column_blob(statement, column));
  return std::string(start, start + sqlite3_column_bytes(statement, column));
}

}  // namespace

// The handle is kept after a failure too, for its message and to free it.
Database::Database(const std::string& file) : file_(file), handle_(nullptr, sqlite3_close_v2) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.empty() ? ":memory:" : file.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) throw DatabaseError(Trouble::failed, "out of memory");
  require(code == SQLITE_OK);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  wait_for_locks(lock_timeout);
}

void Database::require(bool success) const {
  if (!success)
    throw DatabaseError(trouble_of(sqlite3_extended_errcode(handle_.get())),
                        sqlite3_errmsg(handle_.get()));
}

std::int64_t Database::run(const std::string& sql) {
  require(sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  return changes();
}

std::int64_t Database::changes() const { return sqlite3_changes(handle_.get()); }

// The rollback may fail: after a full disk or a damaged page, SQLite has rolled back by itself.
void Database::roll_back() { sqlite3_exec(handle_.get(), "rollback", nullptr, nullptr, nullptr); }

int Database::wait_for_locks(int milliseconds) {
  sqlite3_busy_timeout(handle_.get(), milliseconds);
  return std::exchange(lock_wait_, milliseconds);
}

sqlite3_stmt* Database::prepared(const std::string& sql) {
  if (const auto known = statements_.find(sql); known != statements_.end())
    return known->second.get();
  sqlite3_stmt* statement = nullptr;  // stays null if this fails
  require(sqlite3_prepare_v3(handle_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                             nullptr) == SQLITE_OK);
  statements_.emplace(sql, Statement(statement, sqlite3_finalize));
  return statement;
}

std::vector<Values> Database::query(const std::string& sql, const Values& arguments) {
  const Statement statement(prepared(sql), sqlite3_reset);  // is free again at the end
  for (int place = 0; const Value& argument : arguments)
    require(bind(statement.get(), ++place, argument) == SQLITE_OK);
  std::vector<Values> rows;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    Values& row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(statement.get()); ++column)
      row.push_back(value_in(statement.get(), column));
  }
  require(code == SQLITE_DONE);
  return rows;
}

}  // namespace tenon::cache
