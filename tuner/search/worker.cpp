#include "tuner/search/worker.h"

#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace tenon {
namespace {

using Json = nlohmann::json;

constexpr double most_runs = 100;  // of schedule 0, that an answer may take

// Error: the program that answers is no worker.
Json parse_answer(const std::string& answer, const std::string& program) {
  Json read = Json::parse(answer, nullptr, false);
  bool is_answer = read.is_object();
  if (is_answer)
    for (const auto& [key, value] : read.items())
      is_answer = is_answer &&
                  (key == "error" || key == "rejected" ? value.is_string() : value.is_number());
  if (!is_answer) fail("tuning: {} is no worker of Tenon", program);
  return read;
}

}  // namespace

std::string worker_program() {
  if (const char* given = std::getenv("TENON_WORKER"); given && *given) return given;
  std::error_code unknown;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  for (const auto& path :
       {self.parent_path() / "tenon", self.parent_path().parent_path() / "tenon"})
    if (std::filesystem::is_regular_file(path, unknown) && access(path.c_str(), X_OK) == 0)
      return path;
  return "tenon";
}

Worker::Worker(Job job, std::string program, int patience)
    : job_(std::move(job)), program_(std::move(program)), patience_(patience) {}

Worker::~Worker() { stop(); }

void Worker::start() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    fail("tuning: no socket: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string command = "worker";
  std::array<char*, 3> arguments{program_.data(), command.data(), nullptr};
  // A process group of its own, because Ctrl-C is for the process that tunes.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int problem =
      posix_spawnp(&process_, program_.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  socket_ = ends[0];
  if (problem != 0) {
    process_ = -1;
    stop();
    fail(
        "tuning needs the program {}, which cannot be started: {}; set TENON_WORKER to the path "
        "of tenon",
        program_, std::strerror(problem));
  }
  const Json load{{"do", "load"},      {"graph", job_.graph},     {"kernel", job_.kernel},
                  {"text", job_.text}, {"threads", job_.threads}, {"isa", job_.isa}};
  try {
    const auto answer = exchange(load);
    if (!answer) fail("tuning: {} worker {}", program_, died_);
    if (answer->contains("error")) fail("tuning: {}", answer->at("error").get<std::string>());
    if (!answer->empty()) fail("tuning: {} is no worker of Tenon", program_);
  } catch (const Error&) {
    stop();
    throw;
  }
}

void Worker::stop(bool has_ended) {
  if (socket_ >= 0) close(std::exchange(socket_, -1));
  if (process_ > 0) {
    // A process that closed its socket ends at once, or is made to.
    int status = 0;
    bool is_gone = false;
    for (int i = 0; has_ended && i < 100 && !is_gone; ++i) {
      usleep(1000);
      is_gone = waitpid(process_, &status, WNOHANG) != 0;
    }
    if (!is_gone) kill(process_, SIGKILL);
    while (!is_gone && waitpid(process_, &status, 0) < 0 && errno == EINTR) continue;
    if (has_ended)
      died_ = WIFSIGNALED(status) ? fmt::format("crashes: {}", strsignal(WTERMSIG(status)))
                                  : "ends without an answer";
    process_ = -1;
  }
  received_.clear();
  prepared_.clear();
}

std::optional<Json> Worker::exchange(const Json& request) {
  const std::string sent = request.dump() + "\n";
  for (std::size_t at = 0; at < sent.size();) {
    const ssize_t count = send(socket_, sent.data() + at, sent.size() - at, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // the process is gone, and reading will tell
    at += static_cast<std::size_t>(count);
  }
  for (;;) {
    if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
      const std::string answer = received_.substr(0, end);
      received_.erase(0, end + 1);
      return parse_answer(answer, program_);
    }
    pollfd wait{socket_, POLLIN, 0};
    const int wait_for = std::max(patience_, slow_);
    const int ready = poll(&wait, 1, wait_for);
    if (ready < 0 && errno == EINTR) continue;
    std::array<char, 4096> part{};
    const ssize_t count = ready > 0 ? recv(socket_, part.data(), part.size(), 0) : 0;
    if (count > 0) {
      received_.append(part.data(), static_cast<std::size_t>(count));
      continue;
    }
    const bool has_ended = ready > 0;
    if (!has_ended) died_ = fmt::format("does not finish within {} s", wait_for / 1000.0);
    stop(has_ended);
    return {};
  }
}

std::optional<std::string> Worker::prepare(int number) {
  const Json request{{"do", "prepare"}, {"number", number}, {"moves", moves_.at(number)}};
  const auto answer = exchange(request);
  if (!answer) return "it " + died_;
  for (const char* reason : {"error", "rejected"})
    if (answer->contains(reason)) return answer->at(reason).get<std::string>();
  prepared_[number] = true;
  return {};
}

bool Worker::ready(std::initializer_list<int> numbers) {
  if (process_ < 0) start();
  for (const int number : numbers)
    if (!prepared_[number] && prepare(number)) return false;
  return true;
}

Meter Worker::meter() {
  // Nothing if one of the schedules crashes, or takes too long.
  const auto ask = [this](std::initializer_list<int> numbers, const Json& request) {
    std::optional<Json> answer;
    if (ready(numbers)) answer = exchange(request);
    if (answer && answer->contains("error")) answer.reset();
    return answer;
  };
  const auto prepare = [this](int number, const std::string& moves) -> std::optional<std::string> {
    moves_[number] = moves;
    if (number > 0 && !ready({0})) return "schedule 0 cannot be measured again";
    if (number == 0) slow_ = 10 * patience_;  // nobody knows yet how long it takes
    if (process_ < 0) start();
    auto rejected = this->prepare(number);
    if (number == 0) slow_ = 0;
    return rejected;
  };
  const auto time = [this, ask](int number) -> std::optional<double> {
    if (number == 0) slow_ = 10 * patience_;
    const auto answer = ask({0, number}, {{"do", "time"}, {"number", number}});
    if (!answer) return {};
    const double ns = answer->value("ns", 0.0);
    if (ns <= 0) fail("tuning: {} is no worker of Tenon", program_);
    if (number == 0) slow_ = static_cast<int>(std::min(ns / 1e6 * most_runs, 1e9));
    return ns;
  };
  const auto compare = [ask](int first, int second) -> std::optional<Comparison> {
    const auto answer =
        ask({0, first, second}, {{"do", "compare"}, {"first", first}, {"second", second}});
    if (!answer) return {};
    return Comparison{answer->value("ratio", 1.0), answer->value("noise", 1.0)};
  };
  return {prepare, time, compare};
}

}  // namespace tenon
