// The worker and its pipe: the real program, and small scripts in its place that crash, hang or
// print nonsense. The last tests tune with a session, from the graph to the row in the cache.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cache/cache.h"
#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "core/print_graph.h"
#include "folder.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/matmul.h"
#include "tuner/search/candidates.h"
#include "tuner/search/worker.h"
#include "tuner/session/session.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

// A kernel of a graph as a job, and the schedule that it runs on without tuning.
struct Task {
  Task(const Tensor& wanted, Inputs& in, std::size_t number = 0) {
    const auto ruled = apply_rules(std::vector{wanted.node()}, in.executor.nodes());
    const KernelGraph kernel = fusion(ruled).at(number);
    const Backend backend = cpu_backend(1);
    job = {print_graph(ruled), static_cast<int>(number), canonical_text(kernel), 1,
           std::string(backend.target.name)};
    untuned = print(tenon::untuned(Space{naive(kernel), backend.target, backend.machine}).moves);
  }
  Job job;
  std::string untuned;
};

Task product() {
  Inputs in;
  return {matmul(in.floats({24, 16}), in.floats({16, 40})), in};
}

// A program that is run in place of tenon. The script is called for every start of a worker.
std::string script(const Folder& folder, const std::string& lines) {
  const std::string path = folder.file("worker", "#!/bin/sh\nulimit -c 0\n" + lines);
  chmod(path.c_str(), 0700);
  return path;
}
// What a worker does first.
const std::string loads = "read load; echo '{}'\n";
const std::string prepares = "read prepare; echo '{}'\n";

// Sets the variable of the environment that names the worker's program, and restores it.
class WorkerVariable {
 public:
  explicit WorkerVariable(const std::string& value) {
    if (const char* before = std::getenv("TENON_WORKER")) before_ = before;
    setenv("TENON_WORKER", value.c_str(), 1);
  }
  ~WorkerVariable() {
    if (before_)
      setenv("TENON_WORKER", before_->c_str(), 1);
    else
      unsetenv("TENON_WORKER");
  }
  WorkerVariable(const WorkerVariable&) = delete;

 private:
  std::optional<std::string> before_;
};

SessionOptions options_in(const Folder& folder) {
  SessionOptions options;
  options.threads = 1;
  options.cache = folder / "cache.sqlite";
  return options;
}

Tensor product_on(Session& session) {
  std::vector<float> values;
  for (int i = 0; i < 48 * 48; ++i) values.push_back(static_cast<float>(i * 37 % 101) / 50 - 1);
  const Tensor a = session.tensor(values, {48, 48}), b = session.tensor(values, {48, 48});
  return matmul(a, b);
}

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool holds(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

// ---- the program `tenon worker` ----

TEST_CASE("the worker builds, checks, times and compares schedules") {
  const Task task = product();
  REQUIRE_FALSE(task.untuned.empty());
  Worker worker(task.job, TENON_PROGRAM);
  const Meter meter = worker.meter();
  CHECK(meter.prepare(0, task.untuned) == std::nullopt);
  CHECK(meter.prepare(1, "") == std::nullopt);
  CHECK(meter.time(0).value() > 0);
  CHECK(meter.time(1).value() > 0);
  const Comparison result = meter.compare(0, 1).value();
  CHECK(result.ratio > 0);
  CHECK(result.noise >= 0);
}

TEST_CASE("a refused move is a reason, and the worker goes on") {
  const Task task = product();
  Worker worker(task.job, TENON_PROGRAM);
  const Meter meter = worker.meter();
  REQUIRE(meter.prepare(0, task.untuned) == std::nullopt);
  CHECK(holds(meter.prepare(1, "bind nowhere parallel").value(), "nowhere"));
  CHECK(holds(meter.prepare(2, "jump over the moon").value(), "moves:1: "));
  CHECK(meter.time(2) == std::nullopt);
  CHECK(meter.prepare(3, "") == std::nullopt);
  CHECK(meter.time(3).value() > 0);
}

TEST_CASE("a kernel is found by its place in the graph") {
  Inputs in;
  const Tensor first = matmul(in.floats({24, 16}), in.floats({16, 40}));
  const Task task(matmul(relu(first), in.floats({40, 8})), in, 1);
  Worker worker(task.job, TENON_PROGRAM);
  CHECK(worker.meter().prepare(0, task.untuned) == std::nullopt);
}

TEST_CASE("a worker that finds another kernel refuses the job") {
  Task task = product();
  task.job.text += "# of another version\n";
  Worker worker(task.job, TENON_PROGRAM);
  CHECK(holds(message([&] { worker.meter().prepare(0, ""); }), "is it of the same version?"));
}

// ---- scripts in place of the program ----

TEST_CASE("a schedule that crashes is rejected, and the next one gets a new process") {
  const Folder folder;
  const std::string crashes = "read prepare; kill -SEGV $$\n";
  // The first process crashes at schedule 1. The second one finds the marker and crashes nowhere.
  const std::string program =
      script(folder, "if [ ! -e '" + folder / "marker" + "' ]; then\n: > '" + folder / "marker" +
                         "'\n" + loads + prepares + crashes + "fi\n" + loads + prepares + prepares +
                         "read time; echo '{\"ns\":5}'\nread none\n");
  Worker worker(product().job, program);
  const Meter meter = worker.meter();
  CHECK(meter.prepare(0, "zero") == std::nullopt);
  CHECK(holds(meter.prepare(1, "one").value(), "it crashes: Segmentation fault"));
  CHECK(meter.prepare(2, "two") == std::nullopt);
  CHECK(meter.time(2) == 5);
}

TEST_CASE("the untuned schedule may crash too") {
  const Folder folder;
  Worker worker(product().job, script(folder, loads + "read prepare; kill -SEGV $$\n"));
  CHECK(holds(worker.meter().prepare(0, "").value(), "it crashes"));
  CHECK(worker.meter().prepare(1, "") == "schedule 0 cannot be measured again");
}

TEST_CASE("a worker that ends in the middle is told from one that crashes") {
  const Folder folder;
  Worker worker(product().job, script(folder, loads + "read prepare; exit 1\n"));
  CHECK(worker.meter().prepare(0, "") == "it ends without an answer");
}

TEST_CASE("a schedule that never ends is rejected") {
  const Folder folder;
  const int patience = 2000;  // milliseconds, which must suffice to start a script
  Worker worker(product().job, script(folder, loads + prepares + "read prepare; read none\n"),
                patience);
  const Meter meter = worker.meter();
  CHECK(meter.prepare(0, "") == std::nullopt);
  CHECK(meter.prepare(1, "") == "it does not finish within 2 s");
}

#ifndef __SANITIZE_ADDRESS__  // the sanitizer reserves more memory than the limit of this test
TEST_CASE("a schedule that takes more memory than the worker may have is rejected") {
  Inputs in;
  const Tensor x = in.floats({1, 1, 1, 16383}), w = in.floats({1, 1, 1, 1024}, "w");
  const Task task(conv2d(x, w), in);
  const Folder folder;
  const std::string program = script(folder, "ulimit -d 50000\nexec '" TENON_PROGRAM "' \"$@\"\n");
  Worker worker(task.job, program);
  const Meter meter = worker.meter();
  REQUIRE(meter.prepare(0, task.untuned) == std::nullopt);
  // A copy of all 15360 windows of 1024 elements takes 63 MB.
  CHECK(holds(meter.prepare(1, "stage in0 at root").value(), "out of memory"));
  CHECK(meter.time(0).value() > 0);
}
#endif

TEST_CASE("a crash during a measurement gives no time and no ratio") {
  const Folder folder;
  Worker worker(product().job,
                script(folder, loads + prepares + prepares + "read request; kill -SEGV $$\n"));
  const Meter meter = worker.meter();
  CHECK(meter.prepare(0, "") == std::nullopt);
  CHECK(meter.prepare(1, "") == std::nullopt);
  CHECK(meter.time(1) == std::nullopt);
  CHECK(meter.compare(0, 1) == std::nullopt);  // by another process, which prepares both again
}

TEST_CASE("a program that does not exist is an error that names the remedy") {
  const Folder folder;
  Worker worker(product().job, folder / "nothing");
  const std::string error = message([&] { worker.meter().prepare(0, ""); });
  CHECK(holds(error, folder / "nothing"));
  CHECK(holds(error, "TENON_WORKER"));
}

TEST_CASE("a program that is no worker is an error") {
  const Folder folder;
  const auto error_of = [&](const std::string& lines) {
    Worker worker(product().job, script(folder, lines));
    return message([&] { worker.meter().prepare(0, ""); });
  };
  CHECK(holds(error_of("echo 'hello, world'\nread none\nread none\n"), "is no worker of Tenon"));
  CHECK(holds(error_of("exec cat\n"), "is no worker of Tenon"));
  CHECK(holds(error_of(loads + "read prepare; echo 'hello, world'\n"), "is no worker of Tenon"));
  CHECK(holds(error_of("exit 0\n"), "ends without an answer"));
}

TEST_CASE("TENON_WORKER names the program") {
  const WorkerVariable variable("some/program");
  CHECK(worker_program() == "some/program");
}

// ---- a session that tunes ----

TEST_CASE("a tuned session gives the same bits, and the next one compiles nothing") {
  const Folder folder, other;
  const WorkerVariable variable(TENON_PROGRAM);
  Session untuned(options_in(other));
  const std::vector<float> expected = product_on(untuned).to_vector<float>();

  SearchOptions search;
  search.measurements = 4;
  search.seconds = 1e9;
  Session tuner(options_in(folder));
  const Tensor wanted = product_on(tuner);
  std::size_t calls = 0, tried = 0;
  tuner.tune(std::vector{wanted}, search, [&](const Session::Tuned& tuned) {
    CHECK(tuned.number == 1);
    CHECK(tuned.of == 1);
    ++calls;
    if (tuned.is_done) tried = tuned.found.tried.size();
  });
  CHECK(tried == 5);  // the untuned schedule and four more
  CHECK(calls == tried + 1);
  CHECK(wanted.to_vector<float>() == expected);

  Session next(options_in(folder));
  CHECK(product_on(next).to_vector<float>() == expected);
  CHECK(next.statistics().compiled == 0);
  CHECK(next.statistics().from_cache == 1);

  Cache cache(CacheOptions{folder / "cache.sqlite"});
  std::size_t winners = 0;
  const auto entries = cache.schedules();
  for (const ScheduleEntry& entry : entries)
    winners += entry.schedule.status == ScheduleStatus::tuned;
  CHECK(entries.size() == 5);
  CHECK(winners == 1);
}

TEST_CASE("a session that tunes without the program says what to set") {
  const Folder folder;
  const WorkerVariable variable(folder / "nothing");
  Session session(options_in(folder));
  const Tensor wanted = product_on(session);
  CHECK(holds(message([&] { session.tune(std::vector{wanted}, {}); }), "TENON_WORKER"));
  CHECK(wanted.to_vector<float>().size() == 48 * 48);  // the session still runs
}
