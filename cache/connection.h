// An open database with our tables, whatever happens: in a file if it can be, else in memory. Used
// by cache.cpp, which asks for a new one when a file turns out to be damaged while it is in use.
#pragma once

#include <optional>
#include <string>

#include "cache/database.h"
#include "cache/location.h"

namespace tenon::cache {

struct Connection {
  Database database;
  std::string path;            // empty: in memory
  std::optional<FileId> file;  // what was opened under that name
};

// Opens `path` (empty: in memory), creates what is missing, puts a damaged file aside, and falls
// back to memory where the file cannot be used; of the last two it warns. Throws DatabaseError only
// when there is no memory.
Connection connect(const std::string& path, const Warn& warn);

}  // namespace tenon::cache
