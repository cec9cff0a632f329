// Where the cache's file lies, and whether it may be trusted and used there (the owner, the rights,
// the file system). Used by cache.cpp; no SQLite here. POSIX and Linux's statfs.
//
// A damaged file keeps its name, and the cache goes on in the next generation: after tenon.sqlite
// comes tenon.sqlite.2, then tenon.sqlite.3. The newest generation that exists is the cache. So a
// process that creates one tells all others that the older ones are damaged. A name is never used
// for a second file, so no process opens a file with the log of another, or deletes such a log.
//
// Every function works by name, and only SQLite opens the database file: closing a second
// descriptor of a file would drop the locks that SQLite holds on it in this process.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tenon::cache {

struct DatabaseError;  // database.h

// The file that a path given by the user means: a folder (one that exists, or a path that ends in
// '/') means tenon.sqlite in it. Absolute, so that SQLite reads no meaning into ":memory:" or
// "file:" and the file stays the same when the process changes its folder. An empty path stays
// empty: in memory. If the process's current folder no longer exists, a relative path stays
// relative, and cannot be used.
std::string resolve_path(const std::string& path);

// The path if the user has given none: $TENON_CACHE, which the caller has to resolve, else
// $XDG_CACHE_HOME/tenon/tenon.sqlite, else ~/.cache/tenon/tenon.sqlite; nullopt if none is set.
std::optional<std::string> default_path();

// There are no later generations, so damaged files take a bounded part of the disk.
inline constexpr int last_generation = 9;

// The newest generation of the file that exists, or `path` if none does. An empty path stays empty.
std::string newest_generation(const std::string& path);

// Where the cache at `path` goes on if `file` cannot be used: in the next generation if the file is
// damaged, else in memory (empty). Creates that generation, an empty file, unless another process
// has done so. Warns of a file that it creates, and of memory.
std::string next_place(const std::string& file, const std::string& path, const DatabaseError& error,
                       const std::function<void(const std::string&)>& warn);

// Creates the folder (0700) and an empty file (0600) where they are missing. An empty path needs
// nothing. Throws DatabaseError, refused, where the file must not be used: the folder and the files
// there have to belong to this user (a folder may belong to root), other users may not be able to
// write to them, this user must, and the file system has to be local.
void prepare_location(const std::string& file);

// The name of a network or FUSE file system by its statfs type; null for others. SQLite's locks and
// shared memory cannot be relied on there.
const char* network_file_system(unsigned long type);

}  // namespace tenon::cache
