#include "isolated.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "core/error.h"

namespace tenon::fuzz {

Ending isolated(const std::function<void(std::FILE*)>& work, unsigned seconds) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) fail("pipe: {}", std::strerror(errno));
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) fail("fork: {}", std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    // The limit is processor time, because it does not depend on other programs. The alarm ends
    // work that waits.
    const rlimit limit{seconds, seconds + 1};
    setrlimit(RLIMIT_CPU, &limit);
    alarm(10 * seconds);
    std::FILE* out = fdopen(ends[1], "w");
    work(out);
    std::fclose(out);
    _exit(0);
  }
  close(ends[1]);
  Ending ending;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = read(ends[0], buffer.data(), buffer.size())) != 0;) {
    if (count > 0) ending.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU || signal == SIGALRM)
    ending.crash = fmt::format("takes over {} s", seconds);
  else if (signal != 0)
    ending.crash = fmt::format("crashes: {}", strsignal(signal));
  else if (WEXITSTATUS(status) != 0)
    ending.crash = fmt::format("exits with {}", WEXITSTATUS(status));
  return ending;
}

}  // namespace tenon::fuzz
