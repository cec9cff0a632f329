// A folder for a test, which is deleted with the object, and functions for whole files.
#pragma once

#include <sys/vfs.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "cache/location.h"

namespace tenon {

// The system's folder of temporary files. If the cache does not trust its file system, as in some
// containers, a folder in memory instead.
inline std::filesystem::path temporary_place() {
  const std::filesystem::path usual = std::filesystem::temp_directory_path();
  struct statfs system{};
  const bool trusted = statfs(usual.c_str(), &system) != 0 ||
                       !cache::network_file_system(static_cast<unsigned long>(system.f_type));
  return trusted ? usual : "/dev/shm";
}

class Folder {
 public:
  Folder() {
    std::string name = (temporary_place() / "tenon-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& contents) const;

 private:
  std::string path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void overwrite(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline std::string Folder::file(const std::string& name, const std::string& contents) const {
  overwrite(path_ + "/" + name, contents);
  return path_ + "/" + name;
}

}  // namespace tenon
