#include "cache/location.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cache/database.h"

namespace tenon::cache {
namespace {

constexpr const char* file_name = "tenon.sqlite";
constexpr const char* suffixes[] = {"", "-wal", "-shm", "-journal"};  // all that SQLite keeps

// From statfs(2) and linux/magic.h.
constexpr std::pair<unsigned long, const char*> network_file_systems[] = {
    {0x6969, "NFS"},      {0x517b, "SMB"},
    {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},
    {0x65735546, "FUSE"}, {0x01021997, "9p"},
    {0x5346414f, "AFS"},  {0x6b414653, "AFS"},
    {0x73757245, "Coda"}, {0x564c, "NCP"},
    {0x00c36400, "Ceph"}, {0x7461636f, "OCFS2"},
    {0x01161970, "GFS2"}, {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"}, {0x786f4256, "a VirtualBox share"}};

std::string generation(const std::string& path, int number) {
  return number == 1 ? path : fmt::format("{}.{}", path, number);
}

// Creates a plain file without opening it, in one step; false and errno if it cannot. SQLite takes
// an empty file for a new database and gives -wal and -shm its rights.
bool create_empty(const std::string& file) { return mknod(file.c_str(), S_IFREG | 0600, 0) == 0; }

// Creates a folder and its missing parents, all for the owner alone.
void make_folder(const std::string& folder) {
  std::filesystem::path made;
  for (const std::filesystem::path& part : std::filesystem::path(folder)) {
    made /= part;
    if (mkdir(made.c_str(), 0700) != 0 && errno != EEXIST)
      refuse("folder {} cannot be created: {}", folder, std::strerror(errno));
  }
}

// Refuses a folder or file that must not be used. A path that does not exist is accepted, because
// SQLite deletes and creates -wal and -shm at any time, as processes close and open the database.
void require_trusted(const std::string& path, bool folder) {
  const char* const kind = folder ? "folder" : "file";
  const auto gone = [&] { return errno == ENOENT && !std::filesystem::is_symlink(path); };
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (gone()) return;
    refuse("{} {}: {}", kind, path, std::strerror(errno));
  }
  const mode_t mode = status.st_mode;
  if (folder ? !S_ISDIR(mode) : !S_ISREG(mode)) refuse("{} is not a {}", path, kind);
  if (status.st_uid != geteuid() && !(folder && status.st_uid == 0))
    refuse("{} {} belongs to another user", kind, path);
  if (folder && (mode & S_IWOTH) != 0 && (mode & S_ISVTX) == 0)
    refuse("folder {} can be written by every user", path);
  if (!folder && (mode & (S_IWGRP | S_IWOTH)) != 0)
    refuse("file {} can be written by other users", path);
  struct statfs system{};
  if (folder && statfs(path.c_str(), &system) == 0)
    if (const char* name = network_file_system(static_cast<unsigned long>(system.f_type)))
      refuse("folder {} is on {}, where locks cannot be relied on", path, name);
  if (faccessat(AT_FDCWD, path.c_str(), folder ? W_OK | X_OK : R_OK | W_OK, AT_EACCESS) != 0 &&
      !gone())
    refuse("{} {} is read-only", kind, path);
}

}  // namespace

std::string resolve_path(const std::string& path) {
  if (path.empty()) return path;
  std::error_code ignored;
  const bool folder = path.back() == '/' || std::filesystem::is_directory(path, ignored);
  const std::string file = folder ? (std::filesystem::path(path) / file_name).string() : path;
  return std::filesystem::absolute(file, ignored).string();
}

std::optional<std::string> default_path() {
  if (const char* chosen = std::getenv("TENON_CACHE")) return chosen;
  // The XDG specification says that relative paths are ignored.
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base && *base == '/')
    return fmt::format("{}/tenon/{}", base, file_name);
  if (const char* home = std::getenv("HOME"); home && *home != '\0')
    return fmt::format("{}/.cache/tenon/{}", home, file_name);
  return std::nullopt;
}

std::string newest_generation(const std::string& path) {
  struct stat status{};
  int number = path.empty() ? 1 : last_generation;
  while (number > 1 && lstat(generation(path, number).c_str(), &status) != 0) --number;
  return generation(path, number);
}

std::string next_place(const std::string& file, const std::string& path, const DatabaseError& error,
                       const std::function<void(const std::string&)>& warn) {
  std::string reason = error.what();
  if (error.trouble == Trouble::damaged) {
    int number = 2;
    while (generation(path, number - 1) != file) ++number;
    const std::string next = generation(path, number);
    if (number > last_generation) {
      reason = fmt::format("{} is damaged ({}), and so are the files before it; delete them", file,
                           reason);
    } else if (create_empty(next)) {
      warn(fmt::format("cache: {} is damaged ({}); {} takes its place", file, reason, next));
      return next;
    } else if (errno == EEXIST) {
      return newest_generation(path);
    } else {
      reason = fmt::format("{} is damaged, and {} cannot be created: {}", file, next,
                           std::strerror(errno));
    }
  } else if (error.trouble == Trouble::failed) {
    reason = fmt::format("{}: {}", file, reason);
  }
  warn(fmt::format("cache: {}; nothing is kept after this process", reason));
  return "";
}

void prepare_location(const std::string& file) {
  if (file.empty()) return;
  const std::string folder = std::filesystem::path(file).parent_path().string();
  make_folder(folder);
  require_trusted(folder, true);
  if (!create_empty(file) && errno != EEXIST)
    refuse("file {} cannot be created: {}", file, std::strerror(errno));
  for (const char* suffix : suffixes) require_trusted(file + suffix, false);
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && (status.st_mode & 0077) != 0)
    static_cast<void>(chmod(file.c_str(), 0600));  // nobody else needs to read it; may fail
}

const char* network_file_system(unsigned long type) {
  for (const auto& [known, name] : network_file_systems)
    if (known == (type & 0xffffffffUL)) return name;
  return nullptr;
}

}  // namespace tenon::cache
