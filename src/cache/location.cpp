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
#include <thread>

#include <fmt/format.h>

namespace tenon::cache {
namespace {

constexpr const char* file_name = "tenon.sqlite";
constexpr int lock_tries = 5'000;                                      // of a millisecond
constexpr std::array<const char*, 3> suffixes = {"", "-wal", "-shm"};  // all that SQLite keeps

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool exists(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0;
}

bool may(const std::string& path, int rights) {
  return faccessat(AT_FDCWD, path.c_str(), rights, AT_EACCESS) == 0;
}

// Creates a folder and its missing parents, all for the owner alone.
std::optional<std::string> make_folder(const std::string& folder) {
  struct stat status{};
  if (stat(folder.c_str(), &status) == 0) return std::nullopt;
  std::filesystem::path made;
  for (const std::filesystem::path& part : std::filesystem::path(folder)) {
    made /= part;
    if (mkdir(made.c_str(), 0700) == 0) continue;
    if (const int error = errno; stat(made.c_str(), &status) != 0) {
      return fmt::format("folder {} cannot be created: {}", folder, std::strerror(error));
    }
  }
  return std::nullopt;
}

std::optional<std::string> refuse_folder(const std::string& folder) {
  struct stat status{};
  if (stat(folder.c_str(), &status) != 0) {
    return fmt::format("folder {}: {}", folder, std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode)) {
    return fmt::format("{} is not a folder", folder);
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return fmt::format("folder {} belongs to another user", folder);
  }
  if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
    return fmt::format("folder {} can be written by every user", folder);
  }
  struct statfs system{};
  if (statfs(folder.c_str(), &system) == 0) {
    if (const char* name = network_file_system(static_cast<unsigned long>(system.f_type))) {
      return fmt::format("folder {} is on {}, where locks cannot be relied on", folder, name);
    }
  }
  if (!may(folder, W_OK | X_OK)) {
    return fmt::format("folder {} is read-only", folder);
  }
  return std::nullopt;
}

std::optional<std::string> refuse_file(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    return fmt::format("file {}: {}", path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fmt::format("{} is not a file", path);
  }
  if (status.st_uid != geteuid()) {
    return fmt::format("file {} belongs to another user", path);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fmt::format("file {} can be written by other users", path);
  }
  if (!may(path, R_OK | W_OK)) {
    return fmt::format("file {} is read-only", path);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> process_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string resolve_path(const std::string& path) {
  if (path.empty()) return path;
  struct stat status{};
  const bool folder =
      path.back() == '/' || (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode));
  const std::string file = folder ? (std::filesystem::path(path) / file_name).string() : path;
  return std::filesystem::absolute(file).string();
}

std::optional<std::string> default_path(const Environment& environment) {
  if (const auto chosen = environment("TENON_CACHE")) return resolve_path(*chosen);
  // The XDG specification has relative paths ignored.
  if (const auto base = environment("XDG_CACHE_HOME"); base && base->starts_with('/')) {
    return fmt::format("{}/tenon/{}", *base, file_name);
  }
  if (const auto home = environment("HOME"); home && !home->empty()) {
    return fmt::format("{}/.cache/tenon/{}", *home, file_name);
  }
  return std::nullopt;
}

std::optional<std::string> prepare_location(const std::string& path) {
  const std::string folder = folder_of(path);
  if (auto reason = make_folder(folder)) return reason;
  if (auto reason = refuse_folder(folder)) return reason;
  // mknod creates a plain file without opening it, in one step; SQLite takes an empty file for a
  // new database and gives -wal and -shm its rights.
  if (mknod(path.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) {
    return fmt::format("file {} cannot be created: {}", path, std::strerror(errno));
  }
  for (const char* suffix : suffixes) {
    const std::string file = path + suffix;
    if (suffix[0] != '\0' && !exists(file)) continue;
    if (auto reason = refuse_file(file)) {
      // SQLite deletes -wal and -shm when the last process closes: gone by now is no objection.
      if (exists(file)) return reason;
    }
  }
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & 0077) != 0) {
    static_cast<void>(chmod(path.c_str(), 0600));  // readers lose nothing they had a claim to
  }
  return std::nullopt;
}

const char* network_file_system(unsigned long type) {
  switch (type & 0xffffffffUL) {  // from statfs(2) and linux/magic.h
    case 0x6969:
      return "NFS";
    case 0x517b:
      return "SMB";
    case 0xff534d42:
      return "CIFS";
    case 0xfe534d42:
      return "SMB2";
    case 0x65735546:
      return "FUSE";
    case 0x01021997:
      return "9p";
    case 0x5346414f:
    case 0x6b414653:
      return "AFS";
    case 0x73757245:
      return "Coda";
    case 0x564c:
      return "NCP";
    case 0x00c36400:
      return "Ceph";
    case 0x7461636f:
      return "OCFS2";
    case 0x01161970:
      return "GFS2";
    case 0x0bd00bd0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x786f4256:
      return "a VirtualBox share";
    default:
      return nullptr;
  }
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

std::optional<std::string> quarantine(const std::string& path, const FileId& damaged) {
  const FolderLock lock(path, FolderLock::Mode::exclusive);
  if (file_id(path) != damaged) return "";
  std::string target;
  for (int number = 0; target.empty() || exists(target); ++number) {
    target = fmt::format("{}.corrupt-{}", path, number);
  }
  // The file goes first: once it is gone, a process killed here leaves only a log without a
  // database, which SQLite deletes beside an empty file.
  for (const char* suffix : suffixes) {
    if (std::rename((path + suffix).c_str(), (target + suffix).c_str()) != 0 && errno != ENOENT) {
      return std::nullopt;
    }
  }
  return target;
}

}  // namespace tenon::cache
