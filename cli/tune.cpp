#include "cli/tune.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include <fmt/core.h>

#include "cli/calibration.h"
#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/verify.h"
#include "core/error.h"
#include "tuner/session/session.h"

namespace tenon::cli {

namespace {

constexpr std::size_t exhaustive_points = 1000;

// Whether Ctrl-C was pressed. The handler can reach nothing else.
std::atomic<bool>& interrupted() {
  static std::atomic<bool> is_interrupted = false;
  return is_interrupted;
}

double best_ns(const Found& found) {
  double best = found.tried.front().measured_ns;
  for (const Tried& tried : found.tried)
    if (tried.measured_ns > 0) best = std::min(best, tried.measured_ns);
  return best;
}

void show(const Session::Tuned& tuned, const TuneOptions& options) {
  const double untuned = tuned.found.tried.front().measured_ns;
  if (untuned == 0) {
    fmt::print("kernel {} of {}, {}: it cannot be measured: {}\n", tuned.number, tuned.of,
               tuned.kernel, tuned.found.tried.front().reason);
    return;
  }
  if (!tuned.is_done) {
    if (isatty(STDERR_FILENO) == 1)
      fmt::print(stderr, "\r\033[Kkernel {} of {}, {}: {}{} candidates, best {:.1f} us, {:.2f} x",
                 tuned.number, tuned.of, tuned.kernel, tuned.found.tried.size() - 1,
                 options.exhaustive ? "" : fmt::format(" of {}", options.measurements),
                 best_ns(tuned.found) / 1e3, untuned / best_ns(tuned.found));
    return;
  }
  if (isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\033[K");
  const Tried& winner = tuned.found.tried[tuned.found.winner];
  fmt::print("kernel {} of {}, {}: {:.1f} us, {:.2f} times as fast as before, {} candidates\n",
             tuned.number, tuned.of, tuned.kernel, winner.measured_ns / 1e3, tuned.found.gain,
             tuned.found.tried.size() - 1);
  fmt::print("  {}{}\n", tuned.found.winner == 0 ? "the schedule stays: " : "",
             winner.candidate.point.empty() ? "no point" : winner.candidate.point);
  std::fflush(stdout);
}

void tune_graph(const TuneOptions& options, Session& session) {
  const std::string text = read_file(options.graph);
  const GraphText graph = load_structure(text, options.graph, session);
  const auto before = std::signal(SIGINT, [](int) {
    interrupted() = true;
    std::signal(SIGINT, SIG_DFL);  // the second Ctrl-C ends the program
  });
  SearchOptions search{.measurements = options.measurements,
                       .seconds = options.seconds,
                       .seed = options.seed,
                       .resume = options.resume,
                       .drawn_points = options.exhaustive ? exhaustive_points : 0,
                       .progress = {},
                       .stop = [] { return interrupted().load(); }};
  bool has_kernels = false;
  try {
    session.tune(graph.outputs, search, [&](const Session::Tuned& tuned) {
      has_kernels = true;
      show(tuned, options);
    });
  } catch (const Error& error) {  // the graph is right, so it is no mistake of the user
    throw Failure(error.what());
  }
  std::signal(SIGINT, before);
  if (!has_kernels) fmt::print("no kernel computes an element, so there is nothing to tune\n");
  if (interrupted()) throw Failure("interrupted; what was found is kept");
  if (options.verify) fmt::print("{}\n", verify(text, options.graph, session));
}

}  // namespace

void tune(const TuneOptions& options) {
  Session session({options.threads, options.isa, {}, {}});
  if (!options.graph.empty()) tune_graph(options, session);
  if (options.calibrate) fmt::print("{}\n", calibrate(session));
}

}  // namespace tenon::cli
