// Opens the cache's database, whatever happens: in a file if it can be, else in memory. Used by
// cache.cpp.
//
// Read next: location.h (which file, and its generations).
#pragma once

#include <string>

#include "cache/database.h"
#include "cache/location.h"

namespace tenon::cache {

// Opens the newest generation of `path` (empty: in memory), with our four tables. Starts the next
// generation if that file is damaged, and falls back to memory if no file can be used; it warns of
// both. Throws DatabaseError only when there is no memory.
Database connect(const std::string& path, const Warn& warn);

}  // namespace tenon::cache
