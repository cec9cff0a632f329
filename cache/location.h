// Where the cache's file lies, and whether it may be trusted and used there: the owner, the rights,
// the file system. Used by connection.cpp; no SQLite here. POSIX and Linux's statfs.
//
// Every function works by name and never opens the database file itself: closing a second
// descriptor of a file would drop the locks that SQLite holds on it in this process.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace tenon::cache {

// The file that a path given by the user means: a folder (one that exists, or a path that ends in
// '/') means tenon.sqlite in it. Absolute, so that SQLite reads no meaning into ":memory:" or
// "file:" and the file stays the same when the process changes its folder. An empty path stays
// empty: in memory. A relative one stays so where this process's folder is gone: it cannot be used.
std::string resolve_path(const std::string& path);

// Where the user has said nothing: $TENON_CACHE, which is to be resolved as well, else
// $XDG_CACHE_HOME/tenon/tenon.sqlite, else ~/.cache/tenon/tenon.sqlite; nullopt if none is set.
std::optional<std::string> default_path();

// Creates the folder (0700) and an empty file (0600) where they are missing. Throws DatabaseError,
// refused, where the file must not be used: the folder and the files there have to belong to this
// user (a folder may belong to root), other users may not be able to write to them, this user must,
// and the file system has to be local.
void prepare_location(const std::string& path);

// The name of a network or FUSE file system by its statfs type; null for others. SQLite's locks and
// shared memory cannot be relied on there.
const char* network_file_system(unsigned long type);

// Which file stands behind a name; tells whether another process has put a new one there.
using FileId = std::pair<dev_t, ino_t>;
std::optional<FileId> file_id(const std::string& path);

// Holds flock() on the folder of the cache's file. Opening and closing the file take it shared,
// creating or replacing the file takes it exclusively, so that nobody opens one file with another's
// log, or deletes that. An empty path (in memory) has no folder.
// It comes on top of SQLite's own locks, which guard the contents. Where the lock cannot be had (a
// process was stopped while it held it), the holder goes on without.
class FolderLock {
 public:
  enum class Mode { shared, exclusive };
  FolderLock(const std::string& path, Mode mode);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

using Warn = std::function<void(const std::string&)>;

// Renames the file and its -wal and -shm to PATH.corrupt-N, N the first free number, and warns of
// it, if `damaged` is still the file behind `path`: of many processes one does it. A connection to
// the file is closed after: SQLite leaves the log alone when the file has lost its name. Throws
// DatabaseError, refused, if it cannot be renamed.
void put_aside(const std::string& path, const std::optional<FileId>& damaged,
               const std::string& why, const Warn& warn);

}  // namespace tenon::cache
