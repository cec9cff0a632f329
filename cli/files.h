// Reading and writing whole files for the program `tenon`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenon::cli {

// A failure that neither the user's text nor Tenon causes, such as a full disk. The program exits
// with 1.
class Failure : public std::exception {
 public:
  explicit Failure(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// The file's bytes. Error: "FILE: cannot be read: No such file or directory", or it has more than
// `most` bytes: a device such as /dev/zero never ends.
constexpr std::size_t most_text = std::size_t{64} << 20;  // bytes of a file that people write
std::string read_file(const std::string& path, std::size_t most = most_text);

// Writes files so that each is there whole, or is left as it was. The bytes go to temporary files
// beside the files, and the temporary files are renamed together. Ctrl-C waits until that is done.
// Throws Failure, and then leaves no temporary file behind.
struct NewFile {
  std::string path;
  std::vector<std::string_view> parts;  // one after another
};
void write_files(const std::vector<NewFile>& files);

}  // namespace tenon::cli
