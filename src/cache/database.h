// A thin owner of an SQLite connection: statements, transactions and what went wrong. The only
// place that sees sqlite3.h is database.cpp. Used by the other files of this folder; nothing here
// knows the tables, and nothing is safe to use from two threads at once (Cache holds a mutex).
//
// Read next: tables.h (the SQL), connection.h (which file).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tenon::cache {

// What stands behind a failed call, as far as the cache acts on it.
enum class Trouble {
  damaged,  // the file is no database, or its pages contradict each other
  moved,    // the file has been renamed or deleted under its name
  failed,   // busy beyond the timeout, disk full, read-only, input or output error
};

// Thrown by Database and Query, caught in connection.cpp and cache.cpp and nowhere let out.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(Trouble trouble, const std::string& message)
      : std::runtime_error(message), trouble(trouble) {}
  Trouble trouble;
};

class Database {
 public:
  // Opens an existing file, or a database in memory for ":memory:". Reads nothing yet: a file that
  // is no database is found by the first statement. Throws DatabaseError.
  explicit Database(const std::string& file);

  // Runs statements that return nothing of interest. Throws DatabaseError.
  void run(const std::string& sql);

  // Rows changed by the last insert, update or delete.
  std::int64_t changes() const;

  // How long a statement waits for another process's lock before it fails; returns what held
  // before. Eight writers on two cores stay far below what a new Database starts with.
  static constexpr int lock_timeout = 10'000;  // milliseconds
  int wait_for_locks(int milliseconds);

 private:
  friend class Query;
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* handle) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3_stmt* prepared(const char* sql);

  int lock_wait_ = 0;  // milliseconds
  std::unique_ptr<sqlite3, Close> handle_;
  // By text, so that the second look-up of a kind is not compiled again. Keys live as long as the
  // program: only string literals are passed.
  std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Close>> statements_;
};

// One execution of one statement. Arguments take the places of ? in order; text is copied, bytes
// must outlive the query. The statement is free again when the query is destroyed.
//
//   Query query(database, "select size from artifact where key = ?", key);
//   while (query.next()) total += query.integer(0);
class Query {
 public:
  template <typename... Arguments>
  explicit Query(Database& database, const char* sql, const Arguments&... arguments)
      : handle_(database.handle_.get()), statement_(database.prepared(sql)) {
    int place = 0;
    (bind(++place, arguments), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next();  // to the next row; false after the last. Throws DatabaseError.
  void run() {
    while (next()) {
    }
  }

  // Columns of the current row, from 0. Bytes stay valid until the next call of next().
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::span<const std::byte> bytes(int column) const;

 private:
  void bind(int place, std::string_view text);
  void bind(int place, std::int64_t number);
  void bind(int place, double number);  // a number that is not finite is stored as 0
  void bind(int place, std::span<const std::byte> bytes);

  sqlite3* handle_;
  sqlite3_stmt* statement_;
};

// Everything until commit() happens or nothing does; the write lock is taken at once.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace tenon::cache
