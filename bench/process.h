// Runs a program and takes the time. Used by start.cpp, which measures fresh processes, and by
// size.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tenon::bench {

struct Finished {
  int status;          // the exit status; 128 + N where signal N ended it
  double first_ms;     // from the start to the first byte on stdout; total_ms where there was none
  double total_ms;     // from the start until the process was gone
  std::string output;  // stdout
};
// Runs a program to its end. `variables` are NAME=VALUE, added to our own environment. The program
// shares our stderr, or has none if `quiet`. Error: the program cannot be started.
Finished run_process(const std::vector<std::string>& command,
                     const std::vector<std::string>& variables = {}, bool quiet = false);

// The folder in which this program lies: the build folder.
std::filesystem::path build_folder();

// A new folder, which is deleted with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tenon::bench
