#include "cli/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "core/error.h"

namespace tenon::cli {

namespace {

constexpr int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

// The last signal that came while files were written, or 0. The handler can reach nothing else.
std::atomic<int>& held_back() {
  static std::atomic<int> signal = 0;
  return signal;
}

// Holds back the signals that end the process while files are being written. It sets handlers,
// because a signal mask holds for this thread only: the signal would go to a worker thread that
// waits for the next parallel loop.
class InterruptsWait {
 public:
  InterruptsWait() {
    struct sigaction hold{};
    hold.sa_handler = [](int signal) { held_back() = signal; };
    hold.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < std::size(interrupts); ++i) {
      sigaction(interrupts[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) sigaction(interrupts[i], &hold, nullptr);
    }
  }
  ~InterruptsWait() {
    for (std::size_t i = 0; i < std::size(interrupts); ++i)
      sigaction(interrupts[i], &before_[i], nullptr);
    if (const int signal = held_back().exchange(0)) raise(signal);
  }
  InterruptsWait(const InterruptsWait&) = delete;
  InterruptsWait& operator=(const InterruptsWait&) = delete;

 private:
  struct sigaction before_[std::size(interrupts)];
};

// Is the path something that a rename must not replace, such as /dev/null or a pipe?
bool is_special(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

// The file that a path leads to, through any links.
std::string target(const std::string& path) {
  std::error_code unknown;
  const std::string found =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path), unknown);
  return unknown ? path : found;
}

// A file beside the target. commit() renames it to the target; without commit() it is deleted. A
// target that is no ordinary file is written to at once.
class Temporary {
 public:
  explicit Temporary(const NewFile& file) : path_(file.path) {
    const bool special = is_special(path_);
    if (!special) name_ = fmt::format("{}.{}.tmp", target(path_), getpid());
    const int flags = special ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
    const int descriptor = open((special ? path_ : name_).c_str(), flags | O_CLOEXEC, 0666);
    if (descriptor < 0) failed();
    const bool written = write_all(descriptor, file);
    const int reason = errno;
    if (close(descriptor) == 0 && written) return;
    if (!special) unlink(name_.c_str());
    if (!written) errno = reason;
    failed();
  }
  ~Temporary() {
    if (!name_.empty()) unlink(name_.c_str());
  }
  Temporary(Temporary&& other) noexcept
      : path_(std::move(other.path_)), name_(std::exchange(other.name_, "")) {}
  Temporary& operator=(Temporary&&) = delete;

  void commit() {
    if (!name_.empty() && rename(name_.c_str(), target(path_).c_str()) != 0) failed();
    name_.clear();
  }

 private:
  static bool write_all(int descriptor, const NewFile& file) {
    for (std::string_view part : file.parts) {
      while (!part.empty()) {
        const ssize_t written = write(descriptor, part.data(), part.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        part.remove_prefix(written);
      }
    }
    return true;
  }
  [[noreturn]] void failed() const {
    throw Failure(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
  }

  std::string path_, name_;
};

}  // namespace

std::string read_file(const std::string& path, std::size_t most) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) fail("{}: cannot be read: {}", path, std::strerror(errno));
  std::string contents;
  struct stat status;
  if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode))
    contents.reserve(std::min(most + 1, static_cast<std::size_t>(status.st_size) + 1));
  char block[1 << 16];
  std::size_t count = 0;
  while (contents.size() <= most && (count = std::fread(block, 1, sizeof block, file)) > 0)
    contents.append(block, count);
  const int reason = std::ferror(file) ? errno : 0;
  std::fclose(file);
  if (contents.size() > most) fail("{}: has over {} bytes, more than is read here", path, most);
  if (reason) fail("{}: cannot be read: {}", path, std::strerror(reason));
  return contents;
}

void write_files(const std::vector<NewFile>& files) {
  for (auto file = files.begin(); file != files.end(); ++file)
    if (!is_special(file->path) && std::any_of(files.begin(), file, [&](const NewFile& other) {
          return target(other.path) == target(file->path);
        }))
      fail("{}: the file would be written twice; name another one", file->path);
  // Special files come first, because a pipe may keep its writer waiting for long.
  for (const NewFile& file : files)
    if (is_special(file.path)) const Temporary written(file);
  const InterruptsWait wait;
  std::vector<Temporary> temporaries;
  temporaries.reserve(files.size());
  for (const NewFile& file : files)
    if (!is_special(file.path)) temporaries.emplace_back(file);
  for (Temporary& temporary : temporaries) temporary.commit();
}

}  // namespace tenon::cli
