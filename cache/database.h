// A thin owner of an SQLite connection: statements, transactions and what went wrong. The only
// place that sees sqlite3.h is database.cpp. Used by the other files of this folder; nothing here
// knows the tables, and nothing is safe to use from two threads at once (Cache holds a mutex).
//
// Read next: cache.cpp (the SQL), connection.h (which file).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cache/rows.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tenon::cache {

// What stands behind a failed call, as far as the cache acts on it.
enum class Trouble {
  damaged,  // the file is no database, its pages contradict each other, or its name is lost
  refused,  // the file must not be used: not ours, or not on this disk
  failed,   // busy beyond the timeout, disk full, read-only, input or output error
};

// Thrown by Database and Query, caught in connection.cpp and cache.cpp and nowhere let out.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(Trouble trouble, const std::string& message)
      : std::runtime_error(message), trouble(trouble) {}
  Trouble trouble;
};

// Throws it because the file must not be used.
template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
  throw DatabaseError(Trouble::refused, fmt::format(format, std::forward<Args>(args)...));
}

class Database {
 public:
  // Opens an existing file, or a database in memory for ":memory:". Reads nothing yet: a file that
  // is no database is found by the first statement. Throws DatabaseError.
  explicit Database(const std::string& file);

  // Runs statements, or one with arguments as Query has them. Returns the number of rows changed by
  // the last insert, update or delete. Throws DatabaseError, as all below.
  std::int64_t run(const std::string& sql);
  template <typename... Arguments>
  std::int64_t run(const std::string& sql, const Arguments&... arguments);

  // What a select gives: the first row or number, or all rows.
  template <typename Value, typename... Arguments>
  std::optional<Value> first(const std::string& sql, const Arguments&... arguments);
  template <typename Row, typename... Arguments>
  std::vector<Row> all(const std::string& sql, const Arguments&... arguments);

  // What `work` gives for the database. Everything that it does happens or, if it throws, nothing;
  // the write lock is taken at once.
  template <typename Work>
  auto in_transaction(Work&& work);

  // How long a statement waits for another process's lock before it fails; returns what held
  // before. Eight writers on two cores stay far below what a new Database starts with.
  static constexpr int lock_timeout = 10'000;  // milliseconds
  int wait_for_locks(int milliseconds);

 private:
  friend class Query;
  struct Close {
    void operator()(sqlite3* handle) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3_stmt* prepared(const std::string& sql);
  std::int64_t changes() const;
  void roll_back();

  int lock_wait_ = 0;  // milliseconds
  std::unique_ptr<sqlite3, Close> handle_;
  // By text, so that the second look-up of a kind is not compiled again.
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Close>> statements_;
};

// The columns of a row as SQL has them: `pattern` with each name for {0} and its type for {1}.
template <Columned Row>
std::string columns(const char* pattern = "{0}", const char* between = ", ") {
  std::string result;
  Row row;
  Row::columns(row, [&]<typename Field>(const char* name, const Field&) {
    const char* const type = std::is_same_v<Field, std::int64_t> ? "integer"
                             : std::is_same_v<Field, double>     ? "real"
                                                                 : "text";
    result += (result.empty() ? "" : between) + fmt::format(fmt::runtime(pattern), name, type);
  });
  return result;
}

// One execution of one statement. Arguments take the places of ? in order, a row as many as it has
// columns, and must outlive the query. The statement is free again when the query is destroyed.
//
//   Query query(database, "select size from artifact where key = ?", key);
//   for (std::int64_t size = 0; query.next(size);) total += size;
class Query {
 public:
  template <typename... Arguments>
  explicit Query(Database& database, const std::string& sql, const Arguments&... arguments)
      : handle_(database.handle_.get()), statement_(database.prepared(sql)) {
    (bind(arguments), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Goes to the next row and reads its columns, from the first on; false after the last row. Throws
  // DatabaseError.
  template <typename... Values>
  bool next(Values&... values) {
    if (!step()) return false;
    column_ = 0;
    (read(values), ...);
    return true;
  }

 private:
  bool step();

  void bind(std::string_view text);
  void bind(std::int64_t number);
  void bind(double number);  // a number that is not finite is stored as 0
  void bind(ScheduleStatus status) { bind(status_name(status)); }
  void bind(const Columned auto& row) {
    row.columns(row, [&](const char*, const auto& value) { bind(value); });
  }

  void read(std::string& bytes);  // text or a blob
  void read(std::int64_t& number);
  void read(double& number);
  void read(ScheduleStatus& status);
  void read(Columned auto& row) {
    row.columns(row, [&](const char*, auto& value) { read(value); });
  }

  sqlite3* handle_;
  sqlite3_stmt* statement_;
  int place_ = 0;   // of the argument bound last, from 1
  int column_ = 0;  // to read next
};

template <typename... Arguments>
std::int64_t Database::run(const std::string& sql, const Arguments&... arguments) {
  Query(*this, sql, arguments...).next();
  return changes();
}

template <typename Value, typename... Arguments>
std::optional<Value> Database::first(const std::string& sql, const Arguments&... arguments) {
  Value value{};
  return Query(*this, sql, arguments...).next(value) ? std::optional(value) : std::nullopt;
}

template <typename Row, typename... Arguments>
std::vector<Row> Database::all(const std::string& sql, const Arguments&... arguments) {
  Query query(*this, sql, arguments...);
  std::vector<Row> rows;
  for (Row row; query.next(row);) rows.push_back(row);
  return rows;
}

template <typename Work>
auto Database::in_transaction(Work&& work) {
  run("begin immediate");
  try {
    auto result = work(*this);
    run("commit");
    return result;
  } catch (...) {
    roll_back();
    throw;
  }
}

}  // namespace tenon::cache
