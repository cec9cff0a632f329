// Worker: a Meter in a process of its own, `tenon worker`. A schedule that crashes there or never
// ends is rejected with that reason, and the next one gets a new process. The two processes talk in
// lines of JSON over a socket; cli/worker_command.cpp is the other end:
//
//   {"do":"load","graph":"..","kernel":0,"text":"..","threads":2,"isa":"avx2"}   {}
//   {"do":"prepare","number":1,"moves":".."}        {} or {"rejected":"its result has other bits"}
//   {"do":"time","number":1}                          {"ns":812345.0}
//   {"do":"compare","first":0,"second":1}             {"ratio":0.91,"noise":0.01}
//
// A request that fails is answered with {"error":".."}.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_map>

#include <nlohmann/json_fwd.hpp>

#include "tuner/search/search.h"

namespace tenon {

// What the worker has to know of a kernel. Its graph is part of a larger one, because the graph
// below a kernel's inputs may decide its order of accumulation.
struct Job {
  std::string graph;  // the graph after the rules, print_graph() of core/print_graph.h
  int kernel;         // its place among the kernels that fusion makes of the graph
  std::string text;   // the kernel's canonical text, to compare
  int threads;
  std::string isa;
};

// The program that is started: $TENON_WORKER, else this program if it is `tenon`, else the `tenon`
// in this program's folder or the one above, else the one in the PATH.
std::string worker_program();

class Worker {
 public:
  // `patience`: milliseconds that an answer may take.
  explicit Worker(Job job, std::string program = worker_program(), int patience = 10000);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The Meter calls this worker, so the worker must outlive it. Error, from its functions: the
  // program cannot be started, or it refuses the job.
  Meter meter();

 private:
  void start();
  // Ends the process. If it has ended by itself, `died_` says how.
  void stop(bool has_ended = false);
  // Sends a request and waits for the answer; nothing if the process died or did not answer in
  // time. Error: the program that answers is no worker.
  std::optional<nlohmann::json> exchange(const nlohmann::json& request);
  // Starts the process if there is none, and prepares the schedules that it does not have.
  bool ready(std::initializer_list<int> numbers);
  std::optional<std::string> prepare(int number);

  Job job_;
  std::string program_;
  int patience_;
  pid_t process_ = -1;
  int socket_ = -1;
  int slow_ = 0;          // milliseconds; the patience with a kernel that takes long
  std::string received_;  // after the last whole line
  std::string died_;      // how the process ended
  std::unordered_map<int, std::string> moves_;  // of all schedules
  std::unordered_map<int, bool> prepared_;      // those that the process has
};

}  // namespace tenon
