// What the tests of the cache share: child processes, and rows to store.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cache/cache.h"
#include "cache/database.h"
#include "folder.h"

namespace tenon::cache_test {

inline constexpr uid_t nobody = 65534;

// A process that runs `work` and hands back the text that it returns.
class Child {
 public:
  // `report` writes a part of the text at once.
  using Report = std::function<void(const std::string&)>;

  explicit Child(const std::function<void(const Report&)>& work) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) std::abort();
    process_ = fork();
    if (process_ == 0) {
      close(ends[0]);
      work([&](const std::string& text) {
        if (write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(2);
      });
      _exit(0);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  ~Child() { static_cast<void>(finish()); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits for `count` more bytes of the text; fewer come only if the child has ended.
  void read_at_least(std::size_t count) {
    for (const std::size_t wanted = text_.size() + count; text_.size() < wanted && read_some();) {
    }
  }
  void kill_now() { kill(process_, SIGKILL); }

  // Waits for the end of the child and returns all of its text. The text follows "crashed " if the
  // child failed, unless it was killed as by kill_now().
  std::string finish() {
    if (process_ > 0) {
      while (read_some()) {
      }
      close(output_);
      int status = 0;
      waitpid(process_, &status, 0);
      process_ = 0;
      const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      if (!killed && status != 0) text_ = "crashed " + text_;
    }
    return text_;
  }

 private:
  bool read_some() {
    std::array<char, 4096> buffer{};
    const ssize_t count = read(output_, buffer.data(), buffer.size());
    text_.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    return count > 0;
  }

  pid_t process_ = 0;
  int output_ = -1;
  std::string text_;
};

inline std::string in_child(const std::function<std::string()>& work) {
  return Child([&](const Child::Report& report) { report(work()); }).finish();
}

// Look into the cache's file directly, without the Cache.
inline std::vector<std::string> artifact_keys(const std::string& file) {
  return cache::Database(file).all<std::string>("select key from artifact");
}
inline std::int64_t last_use_in(const std::string& file) {
  return cache::Database(file).first<std::int64_t>("select last_use from artifact").value_or(0);
}

inline DeviceRow device() {
  return {
      .kind = "cpu", .model = "Testium 3000", .isa = "avx2", .caches = "32K/64 1M/64", .cores = 4};
}

inline WorkloadRow workload(int number = 0) {
  return {.hash = hash_fields({std::to_string(number)}),
          .graph = "a = input 0\noutput sum a, axis=" + std::to_string(number),
          .numerics = "exact"};
}

inline ScheduleRow schedule(const std::string& moves,
                            ScheduleStatus status = ScheduleStatus::tuned) {
  const bool measured = status != ScheduleStatus::picked;
  return {.engine = "1",
          .moves = moves,
          .predicted_ns = 1250.5,
          .measured_ns = measured ? 1100.25 : 0,
          .samples = measured ? 12 : 0,
          .status = status};
}

// Bytes that differ from artifact to artifact and from place to place.
inline ArtifactRow artifact(int number, std::size_t size = 3000) {
  ArtifactRow artifact{.key = hash_fields({"artifact", std::to_string(number)}),
                       .meta = "entry 0 scratch " + std::to_string(number)};
  for (std::size_t place = 0; place < size; ++place) {
    artifact.code.push_back(static_cast<char>(place * 7 + static_cast<std::size_t>(number)));
  }
  return artifact;
}

// A cache in `path` that collects its warnings.
struct Watched {
  explicit Watched(const std::string& path, CacheOptions options = {})
      : cache([&] {
          options.path = path;
          options.warn = [this](const std::string& message) { warnings.push_back(message); };
          return options;
        }()) {}

  // All warnings, a line each.
  std::string warned() const {
    std::string text;
    for (const std::string& warning : warnings) {
      text += warning + "\n";
    }
    return text;
  }

  std::vector<std::string> warnings;
  Cache cache;
};

// Stores and finds a schedule and an artifact. Returns "works", or what was not found.
inline std::string exercise(Cache& cache, int number) {
  cache.store_schedules({{device(), workload(number), schedule("split i")}});
  cache.store_artifact(artifact(number));
  const auto found = cache.find_schedule(device(), workload(number), "1");
  if (!found || *found != schedule("split i")) return "no schedule";
  return cache.find_artifact(artifact(number).key) == artifact(number) ? "works" : "no artifact";
}

}  // namespace tenon::cache_test
