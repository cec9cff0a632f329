// Database: a thin owner of an SQLite connection, with statements, transactions and errors. Used by
// the other files of this folder; database.cpp alone includes sqlite3.h. A Database knows no table,
// and two threads may not use one at once (Cache holds a mutex).
//
//   database.run("update artifact set last_use = ? where key = ?", now, key);
//   for (const auto& key : database.all<std::string>("select key from artifact")) ...
//
// Read next: cache.cpp (the SQL), connection.h (which file).
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "cache/rows.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tenon::cache {

// The kinds of failure that the cache treats differently.
enum class Trouble {
  damaged,  // the file is no database, or its pages contradict each other
  refused,  // the file must not be used: not ours, or not on this disk
  failed,   // busy beyond the timeout, disk full, read-only, input or output error
};

// Thrown by Database and by `refuse`; connection.cpp and cache.cpp catch it and let none out.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(Trouble trouble, const std::string& message)
      : std::runtime_error(message), trouble(trouble) {}
  Trouble trouble;
};

// Throws a DatabaseError that says why the file must not be used.
template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
  throw DatabaseError(Trouble::refused, fmt::format(format, std::forward<Args>(args)...));
}

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

// The value of one column of one row, or of one ? in a statement. A blob is a string.
using Value = std::variant<std::int64_t, double, std::string>;
using Values = std::vector<Value>;

// Appends what SQL gets for a field: several values for a struct with columns, and 0 for a number
// that is not finite.
template <typename Field>
void append(Values& values, const Field& field) {
  if constexpr (Columned<Field>)
    Field::columns(field, [&](const char*, const auto& part) { append(values, part); });
  else if constexpr (std::is_same_v<Field, ScheduleStatus>)
    append(values, status_name(field));
  else if constexpr (std::is_same_v<Field, std::int64_t>)
    values.emplace_back(field);
  else if constexpr (std::is_same_v<Field, double>)
    values.emplace_back(std::isfinite(field) ? field : 0);
  else
    values.emplace_back(std::string(std::string_view(field)));
}

// Reads a field from the values that begin at `next`, and moves `next` behind them. A value of
// another type is damage that SQLite does not see: the field keeps its default, and an unknown
// status counts as rejected.
template <typename Field>
void read(const Value*& next, Field& field) {
  if constexpr (Columned<Field>) {
    Field::columns(field, [&](const char*, auto& part) { read(next, part); });
  } else if constexpr (std::is_same_v<Field, ScheduleStatus>) {
    std::string name;
    read(next, name);
    field = status_of(name).value_or(ScheduleStatus::rejected);
  } else {
    if (const auto* value = std::get_if<Field>(next)) field = *value;
    ++next;
  }
}
template <typename... Fields>
void read(const Value*& next, std::tuple<Fields...>& fields) {
  std::apply([&](auto&... field) { (read(next, field), ...); }, fields);
}

class Database {
 public:
  // Opens an existing file, or a database in memory if `file` is empty. Reads nothing yet: that a
  // file is no database is found by the first statement. Throws DatabaseError, as do all functions
  // below.
  explicit Database(const std::string& file);
  const std::string& file() const { return file_; }

  // Runs statements, or one with arguments: numbers, texts and structs with columns, which replace
  // its ? in order. Returns how many rows the last insert, update or delete changed.
  std::int64_t run(const std::string& sql);
  template <typename... Arguments>
  std::int64_t run(const std::string& sql, const Arguments&... arguments) {
    all<std::int64_t>(sql, arguments...);
    return changes();
  }

  // Runs a select and returns all rows, or the first. A Row is a number, a string, a struct with
  // columns, or a tuple of those.
  template <typename Row, typename... Arguments>
  std::vector<Row> all(const std::string& sql, const Arguments&... arguments) {
    Values values;
    (append(values, arguments), ...);
    std::vector<Row> rows;
    for (const Values& found : query(sql, values)) {
      const Value* next = found.data();
      read(next, rows.emplace_back());
    }
    return rows;
  }
  template <typename Row, typename... Arguments>
  std::optional<Row> first(const std::string& sql, const Arguments&... arguments) {
    std::vector<Row> rows = all<Row>(sql, arguments...);
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
  }

  // Runs `work` in one transaction and returns its result. If it throws, the database stays as it
  // was. The write lock is taken at the beginning.
  template <typename Work>
  auto in_transaction(Work&& work) {
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

  // Sets how long a statement waits for another process's lock before it fails, and returns the
  // former time. A new Database waits for `lock_timeout`; eight writers on two cores need far less.
  static constexpr int lock_timeout = 10'000;  // milliseconds
  int wait_for_locks(int milliseconds);

 private:
  using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;
  std::vector<Values> query(const std::string& sql, const Values& arguments);
  sqlite3_stmt* prepared(const std::string& sql);
  void require(bool success) const;
  std::int64_t changes() const;
  void roll_back();

  std::string file_;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
  std::map<std::string, Statement> statements_;  // by text, so that each is compiled once
  int lock_wait_ = 0;                            // milliseconds
};

}  // namespace tenon::cache
