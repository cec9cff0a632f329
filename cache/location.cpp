#include "cache/location.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "cache/database.h"

namespace tenon::cache {
namespace {

constexpr const char* file_name = "tenon.sqlite";
constexpr int lock_tries = 5'000;                                      // of a millisecond
constexpr std::array<const char*, 3> suffixes = {"", "-wal", "-shm"};  // all that SQLite keeps

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

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// Creates a folder and its missing parents, all for the owner alone.
void make_folder(const std::string& folder) {
  struct stat status{};
  std::filesystem::path made;
  for (const std::filesystem::path& part : std::filesystem::path(folder)) {
    made /= part;
    if (mkdir(made.c_str(), 0700) == 0) continue;
    if (const int error = errno; stat(made.c_str(), &status) != 0)
      refuse("folder {} cannot be created: {}", folder, std::strerror(error));
  }
}

// Refuses a folder or file that must not be used. None at all is no objection: SQLite deletes and
// creates -wal and -shm at any time, as processes close and open the database.
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
  // The XDG specification has relative paths ignored.
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base && *base == '/')
    return fmt::format("{}/tenon/{}", base, file_name);
  if (const char* home = std::getenv("HOME"); home && *home != '\0')
    return fmt::format("{}/.cache/tenon/{}", home, file_name);
  return std::nullopt;
}

void prepare_location(const std::string& path) {
  const std::string folder = folder_of(path);
  make_folder(folder);
  require_trusted(folder, true);
  // mknod creates a plain file without opening it, in one step; SQLite takes an empty file for a
  // new database and gives -wal and -shm its rights.
  if (mknod(path.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST)
    refuse("file {} cannot be created: {}", path, std::strerror(errno));
  for (const char* suffix : suffixes) require_trusted(path + suffix, false);
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & 0077) != 0)
    static_cast<void>(chmod(path.c_str(), 0600));  // readers lose nothing they had a claim to
}

const char* network_file_system(unsigned long type) {
  for (const auto& [known, name] : network_file_systems)
    if (known == (type & 0xffffffffUL)) return name;
  return nullptr;
}

std::optional<FileId> file_id(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

FolderLock::FolderLock(const std::string& path, Mode mode)
    : descriptor_(open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  const int operation = (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (int tries = 0; tries < lock_tries && flock(descriptor_, operation) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

void put_aside(const std::string& path, const std::optional<FileId>& damaged,
               const std::string& why, const Warn& warn) {
  const FolderLock lock(path, FolderLock::Mode::exclusive);
  if (!damaged || file_id(path) != damaged) return;
  std::string target;
  for (int number = 0; target.empty() || file_id(target); ++number)
    target = fmt::format("{}.corrupt-{}", path, number);
  // The file goes first: once it is gone, a process killed here leaves only a log without a
  // database, which SQLite deletes beside an empty file.
  for (const char* suffix : suffixes)
    if (std::rename((path + suffix).c_str(), (target + suffix).c_str()) != 0 && errno != ENOENT)
      refuse("{} is damaged and cannot be renamed", path);
  warn(fmt::format("cache: {} is damaged ({}); it was renamed to {} and starts anew", path, why,
                   target));
}

}  // namespace tenon::cache
