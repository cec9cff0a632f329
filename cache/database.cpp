#include "cache/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <cmath>

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

// A value of another type is damage that SQLite does not see: the field keeps its default, and an
// unknown status counts as rejected.
void read(const SQLite::Column& column, std::int64_t& field) {
  if (column.isInteger()) field = column.getInt64();
}
void read(const SQLite::Column& column, double& field) {
  if (column.isFloat()) field = column.getDouble();
}
void read(const SQLite::Column& column, std::string& field) {
  if (column.isText() || column.isBlob()) field = column.getString();
}
void read(const SQLite::Column& column, ScheduleStatus& field) {
  field = status_of(column.getString()).value_or(ScheduleStatus::rejected);
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

}  // namespace tenon::cache
