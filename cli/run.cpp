#include "cli/run.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/moves_file.h"
#include "cli/npy.h"
#include "cli/profile.h"
#include "cli/show.h"
#include "core/error.h"
#include "oracle/interpret_executor.h"
#include "tuner/session/session.h"

namespace tenon::cli {

namespace {

// Computes the outputs. From here on, only an error in the moves is a mistake of the user.
void compute(const std::vector<Tensor>& outputs) {
  try {
    realize(outputs);
  } catch (const MovesError&) {
    throw;
  } catch (const Error& error) {
    throw Failure(error.what());
  }
}

void print_statistics(const Statistics& statistics) {
  report(fmt::format(
      "compiled: {}, from cache: {}; graph {:.2f} ms, lowering {:.2f} ms, compiling {:.2f} ms, "
      "running {:.2f} ms",
      statistics.compiled, statistics.from_cache, statistics.graph_seconds * 1e3,
      statistics.lowering_seconds * 1e3, statistics.compiling_seconds * 1e3,
      statistics.running_seconds * 1e3));
}

// A line for each kernel: its time, its rates, and what the machine needs at least as a share of
// the time.
void print_profile(const std::vector<KernelTime>& times) {
  report(fmt::format("{:>10} {:>10} {:>8} {:>7}  {}", "us", "GFLOP/s", "GB/s", "limit", "kernel"));
  for (const KernelTime& time : times)
    report(fmt::format("{:>10.1f} {:>10.2f} {:>8.2f} {:>6.0f}%  {}", time.seconds * 1e6,
                       time.flops / time.seconds / 1e9, time.bytes / time.seconds / 1e9,
                       time.limit_seconds / time.seconds * 100, time.kernel));
}

// Computes the outputs of the graph, and prints them or writes them to files. `before` gets the
// outputs before they are computed.
void run_on(Executor& executor, const RunOptions& options,
            const std::function<void(const std::vector<Tensor>&)>& before = {}) {
  const GraphText graph = load_graph(options.graph, options.inputs, executor);
  for (const auto& [name, file] : options.outputs)
    if (std::find(graph.output_names.begin(), graph.output_names.end(), name) ==
        graph.output_names.end())
      fail("--output {}={}: {} has no output {}; it has {}", name, file, options.graph, name,
           fmt::join(graph.output_names, ", "));
  if (before) before(graph.outputs);
  compute(graph.outputs);

  std::vector<NewFile> files;
  std::vector<std::string> headers(graph.outputs.size());
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const Tensor& output = graph.outputs[i];
    const std::vector<std::int64_t> shape = values(output.shape());
    const Buffer& buffer = *current_buffer(*output.node());
    const auto* bytes = static_cast<const char*>(buffer.host);
    const std::size_t size = elements(output.shape()) * info(output.type()).bytes;
    const auto file = options.outputs.find(graph.output_names[i]);
    if (file == options.outputs.end()) {
      fmt::print("{} = {}{}\n{}\n", graph.output_names[i], info(output.type()).name,
                 text(output.shape()), show_values(output.type(), shape, bytes));
    } else {
      headers[i] = npy_header(output.type(), shape);
      files.push_back({file->second, {headers[i], {bytes, size}}});
    }
  }
  write_files(files);
}

void interpret(const RunOptions& options) {
  if (options.moves)
    fail("--moves {}: --device interpret has no kernels; leave out one of them", *options.moves);
  if (options.profile) fail("--profile: --device interpret has no kernels; leave out one of them");
  const auto start = std::chrono::steady_clock::now();
  InterpretExecutor executor;
  run_on(executor, options);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  if (options.statistics) report(fmt::format("interpreted in {:.2f} ms", spent.count()));
}

}  // namespace

void run(const RunOptions& options) {
  if (options.interpret) return interpret(options);
  SessionOptions session_options{options.threads, options.isa, {}, {}};
  if (options.moves)
    session_options.moves = by_hand(parse_moves(read_file(*options.moves), *options.moves));
  Session session(std::move(session_options));
  std::vector<KernelTime> times;
  run_on(session, options, [&](const std::vector<Tensor>& outputs) {
    if (options.profile) times = profile(session, outputs);
  });
  if (options.profile) print_profile(times);
  if (options.statistics) print_statistics(session.statistics());
}

}  // namespace tenon::cli
