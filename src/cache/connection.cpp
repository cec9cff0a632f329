#include "cache/connection.h"

#include <utility>

#include <fmt/format.h>

#include "cache/schema.h"

namespace tenon::cache {
namespace {

// Open, put aside, open, create; the rest is for races lost to other processes.
constexpr int most_rounds = 8;

Connection connect_memory() {
  Connection connection{Database(":memory:"), "", std::nullopt};
  create_schema(connection.database);
  return connection;
}

Connection fall_back(const std::string& reason, const Warn& warn) {
  warn(fmt::format("cache: {}; nothing is kept after this process", reason));
  return connect_memory();
}

// What one attempt to open a file came to: a connection, or tables that are still to be created, or
// a refusal.
struct Attempt {
  std::optional<Connection> connection = {};
  bool create = false;
  std::string refusal = {};
};

// Shared, the lock keeps the file from being replaced between the look at it, its opening and that
// of its log. Exclusive, it lets one process at a time create the tables.
Attempt attempt(const std::string& path, FolderLock::Mode mode) {
  const FolderLock lock(path, mode);
  if (const auto reason = prepare_location(path)) {
    return {.refusal = *reason};
  }
  Connection connection{Database(path), path, file_id(path)};
  connection.database.run("pragma synchronous = normal; pragma cell_size_check = on");
  switch (schema_of(connection.database)) {
    case Schema::newer:
      return {.refusal = fmt::format("{} was written by a later version of Tenon", path)};
    case Schema::foreign:
      return {.refusal = fmt::format("{} is a database of another program", path)};
    case Schema::absent:
      if (mode == FolderLock::Mode::shared) {
        return {.create = true};
      }
      create_schema(connection.database);
      break;
    case Schema::current:
      break;
  }
  return {.connection = std::move(connection)};
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
      Attempt result = attempt(path, mode);
      if (result.connection) return std::move(*result.connection);
      if (!result.create) return fall_back(result.refusal, warn);
      mode = FolderLock::Mode::exclusive;
    } catch (const DatabaseError& error) {
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
