// Database: a connection to SQLite whose statements take and return the rows of rows.h. Used by the
// other files of this folder; database.cpp alone includes SQLiteCpp and sqlite3.h. Two threads may
// not use a Database at once (Cache holds a mutex).
//
//   database.run("update artifact set last_use = ? where key = ?", now, key);
//   for (const auto& key : database.all<std::string>("select key from artifact")) ...
//
// Read next: cache.cpp (the SQL), location.h (which file).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "cache/rows.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace tenon::cache {

// The kinds of failure that the cache treats differently.
enum class Trouble {
  damaged,  // the file is no database, or its pages contradict each other
  refused,  // the file must not be used: not ours, or not on this disk
  failed,   // busy beyond the timeout, disk full, read-only, input or output error
};

// Thrown by Database and by `refuse`; location.cpp and cache.cpp catch it and let none out.
struct DatabaseError : std::runtime_error {
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

// Where the columns of a row go to, or the arguments of a statement come from, in their order.
using Field = std::variant<std::int64_t*, double*, std::string*, ScheduleStatus*>;
using Fields = std::vector<Field>;

// Appends the fields of a row: a struct with columns, a tuple of rows, or a single field.
template <typename Row>
void append(Fields& fields, Row& row) {
  if constexpr (Columned<Row>)
    Row::columns(row, [&](const char*, auto& field) { append(fields, field); });
  else if constexpr (requires { std::tuple_size<Row>::value; })
    std::apply([&](auto&... part) { (append(fields, part), ...); }, row);
  else
    fields.emplace_back(&row);
}

template <typename... Rows>
Fields fields_of(Rows&... rows) {
  Fields fields;
  (append(fields, rows), ...);
  return fields;
}

class Database {
 public:
  // Opens an existing file, or a database in memory if `file` is empty. Reads nothing yet: that a
  // file is no database is found by the first statement. Throws DatabaseError, as do all functions
  // below.
  explicit Database(const std::string& file);
  const std::string& file() const { return file_; }

  // Runs statements, or one with arguments: numbers, strings and structs with columns, which
  // replace its ? in order. Returns how many rows the last insert, update or delete changed.
  std::int64_t run(const std::string& sql);
  template <typename... Arguments>
  std::int64_t run(const std::string& sql, Arguments... arguments) {
    return query(sql, fields_of(arguments...), [] { return Fields(); });
  }

  // Runs a select and returns all rows, or the first. A Row is a number, a string, a struct with
  // columns, or a tuple of those.
  template <typename Row, typename... Arguments>
  std::vector<Row> all(const std::string& sql, Arguments... arguments) {
    std::vector<Row> rows;
    query(sql, fields_of(arguments...), [&] { return fields_of(rows.emplace_back()); });
    return rows;
  }
  template <typename Row, typename... Arguments>
  std::optional<Row> first(const std::string& sql, const Arguments&... arguments) {
    std::vector<Row> rows = all<Row>(sql, arguments...);
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
  }

  // Does `work` in one transaction. If it throws, the database stays as it was. The write lock is
  // taken at the beginning.
  void in_transaction(const std::function<void()>& work);

  // How long a statement of a new Database waits for another process's lock before it fails; eight
  // writers on two cores need far less. `pragma busy_timeout` changes it.
  static constexpr int lock_timeout = 10'000;  // milliseconds

 private:
  // `row` makes room for one more row. Returns what run() returns.
  std::int64_t query(const std::string& sql, const Fields& arguments,
                     const std::function<Fields()>& row);

  std::string file_;
  std::shared_ptr<SQLite::Database> handle_;  // shared_ptr, as these types are incomplete here
  std::map<std::string, std::shared_ptr<SQLite::Statement>> statements_;  // by text, compiled once
};

// Opens a Database that has our four tables. A file that is empty, or of an earlier version, gets
// them. Throws DatabaseError: damaged if the file is no database, refused if it is another
// program's, or a later version's.
Database open_tables(const std::string& file);

}  // namespace tenon::cache
