#include "cli/worker_command.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cli/graph_file.h"
#include "core/error.h"
#include "lower/blocked_inputs.h"
#include "tuner/search/measure.h"
#include "tuner/session/session.h"

namespace tenon::cli {

namespace {

using Json = nlohmann::json;

// A kernel with its graph and its measurement.
struct Loaded {
  explicit Loaded(const Json& request)
      : session({request.at("threads"), request.at("isa"), "", {}}),
        graph(load_structure(request.at("graph").get<std::string>(), "graph", session)),
        measurement(session.backend(), kernel(request)) {}

  KernelGraph kernel(const Json& request) const {
    const auto node = [](const Tensor& output) { return output.node(); };
    const std::vector<KernelGraph> kernels = fusion(mapped(graph.outputs, node));
    const std::size_t number = request.at("kernel");
    const std::string text = request.at("text");
    if (number < kernels.size()) {
      if (canonical_text(kernels[number]) == text) return kernels[number];
      KernelGraph blocked = kernels[number];
      blocked.blocks = worth_blocking(blocked, session.backend().target);
      if (canonical_text(blocked) == text) return blocked;
    }
    fail("the worker finds another kernel in the graph; is it of the same version?");
  }

  Session session;
  GraphText graph;
  Measurement measurement;
};

Json answer(const Json& request, std::optional<Loaded>& loaded) {
  const std::string what = request.at("do");
  if (what == "load") {
    loaded.emplace(request);
    return Json::object();
  }
  if (!loaded) fail("no kernel is loaded");
  Measurement& measurement = loaded->measurement;
  if (what == "prepare") {
    const auto rejected = measurement.prepare(request.at("number"), request.at("moves"));
    return rejected ? Json{{"rejected", *rejected}} : Json::object();
  }
  if (what == "time") return {{"ns", measurement.time(request.at("number"))}};
  if (what == "compare") {
    const Comparison result = measurement.compare(request.at("first"), request.at("second"));
    return {{"ratio", result.ratio}, {"noise", result.noise}};
  }
  fail("{}: a worker loads, prepares, times and compares", what);
}

// Lets this process have three quarters of the machine's memory, so that a schedule that asks for
// more is refused it, and the system need not end some process. (The sanitizers reserve more.)
void limit_memory() {
#ifndef __SANITIZE_ADDRESS__
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const auto memory = static_cast<rlim_t>(sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  limit.rlim_cur = std::min(limit.rlim_cur, memory / 4 * 3);
  setrlimit(RLIMIT_DATA, &limit);
#endif
}

}  // namespace

void serve_worker() {
  // When the process that tunes ends, however it ends, this one ends too.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit_memory();
  std::optional<Loaded> loaded;
  for (std::string line; std::getline(std::cin, line);) {
    Json result;
    try {
      result = answer(Json::parse(line), loaded);
    } catch (const std::exception& failure) {
      result = {{"error", failure.what()}};
    }
    fmt::print("{}\n", result.dump(-1, ' ', false, Json::error_handler_t::replace));
    std::fflush(stdout);
  }
}

}  // namespace tenon::cli
