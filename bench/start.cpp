// The suite start: how long a fresh process takes to its first result. A cold process has an empty
// cache; a warm one has the cache that a cold one left. tinygrad and PyTorch are measured too, if
// python3 has them. Cases: matmul_256, matmul_1024, softmax_1024, digits_step (one training step,
// digits_step.cpp), and launch (in a running process, the time from a graph to the launch of its
// kernel, which is known).

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/process.h"
#include "bench/report.h"
#include "bench/suite.h"
#include "cli/npy.h"
#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/functions.h"

namespace tenon::bench {

namespace {

using nlohmann::ordered_json;

struct Program {
  std::string name;  // "tenon", "pytorch", "tinygrad"
  std::vector<std::string> command;
};

// ---- what is run ----

constexpr std::pair<const char*, const char*> python_peers[] = {{"pytorch", "torch"},
                                                                {"tinygrad", "tinygrad"}};

bool python_has(std::string_view module) {
  const std::string question = fmt::format(
      "import importlib.util, sys; sys.exit(importlib.util.find_spec('{}') is None)", module);
  return run_process({"python3", "-c", question}, {}, true).status == 0;
}

// A file of random values, for an input f32[size,size].
void write_matrix(const std::filesystem::path& path, std::int64_t size) {
  std::mt19937 random;
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(size * size);
  for (float& value : values) value = distribution(random);
  std::ofstream file(path, std::ios::binary);
  file << cli::npy_header(Type::f32, {size, size});
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
}

std::vector<std::string> tenon_run(const std::filesystem::path& folder, std::string_view graph,
                                   std::int64_t size, std::string_view inputs) {
  const std::filesystem::path graph_file = folder / "graph.tenon";
  std::string text;
  std::vector<std::string> command{build_folder() / "tenon", "run", graph_file};
  write_matrix(folder / "values.npy", size);
  for (const char input : inputs) {
    text += fmt::format("{} = input f32[{},{}]\n", input, size, size);
    command.insert(command.end(),
                   {"--input", fmt::format("{}={}", input, (folder / "values.npy").string())});
  }
  std::ofstream(graph_file) << text << graph;
  return command;
}

std::vector<std::string> tenon_command(std::string_view name, const std::filesystem::path& folder) {
  if (name == "matmul_256") return tenon_run(folder, "c = matmul(a, b)\noutput c\n", 256, "ab");
  if (name == "matmul_1024") return tenon_run(folder, "c = matmul(a, b)\noutput c\n", 1024, "ab");
  if (name == "softmax_1024") return tenon_run(folder, "y = softmax(x)\noutput y\n", 1024, "x");
  if (name == "digits_step") return {build_folder() / "bench" / "digits_step"};
  fail("start: case {}: choose matmul_256, matmul_1024, softmax_1024, digits_step or launch", name);
}

std::vector<Program> programs(std::string_view name, const std::filesystem::path& folder,
                              int threads) {
  std::vector<Program> result{{"tenon", tenon_command(name, folder)}};
  const std::string count = std::to_string(threads);
  if (name == "digits_step") {
    result[0].command.push_back(count);
  } else {
    result[0].command.insert(result[0].command.end(), {"--threads", count});
  }
  for (const auto& [peer, module] : python_peers) {
    if (!python_has(module)) continue;
    const std::string script = fmt::format("bench/peers/start_{}.py", peer);
    result.push_back({peer, {"python3", script, std::string(name), count}});
  }
  return result;
}

// ---- measuring ----

struct Samples {
  std::vector<double> first_ms, total_ms;
  double first() const { return *std::min_element(first_ms.begin(), first_ms.end()); }
  double total() const { return *std::min_element(total_ms.begin(), total_ms.end()); }
  double median() const {
    std::vector<double> sorted = total_ms;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};
struct ColdAndWarm {
  Samples cold, warm;
};

std::string one_run(const Program& program, const TemporaryFolder& cache, Samples& samples) {
  const std::string variable = "XDG_CACHE_HOME=" + cache.path().string();
  const Finished finished = run_process(program.command, {variable});
  if (finished.status != 0 || finished.output.empty()) {
    fail("start: {} failed with status {}", program.command[0], finished.status);
  }
  samples.first_ms.push_back(finished.first_ms);
  samples.total_ms.push_back(finished.total_ms);
  return finished.output;
}

// A cold run, and a warm one with the cache it left. False where their outputs differ.
bool cold_and_warm(const Program& program, ColdAndWarm& samples) {
  const TemporaryFolder cache;
  const std::string cold = one_run(program, cache, samples.cold);
  const std::string warm = one_run(program, cache, samples.warm);
  return cold == warm;
}

// Peers that need many seconds have their turn in three rounds only.
bool is_slow(const ColdAndWarm& samples) {
  return samples.cold.total_ms.size() >= 3 && samples.cold.total() + samples.warm.total() > 3000;
}

// Does a warm process open LLVM? The dynamic linker's own trace says so.
bool opens_llvm_when_warm(const Program& program) {
  const TemporaryFolder cache, traces;
  Samples unused;
  one_run(program, cache, unused);
  run_process(program.command, {"XDG_CACHE_HOME=" + cache.path().string(), "LD_DEBUG=files",
                                "LD_DEBUG_OUTPUT=" + (traces.path() / "trace").string()});
  for (const auto& entry : std::filesystem::directory_iterator(traces.path())) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.find("libLLVM") != std::string::npos) return true;
    }
  }
  return false;
}

// ---- reporting ----

void report_json(std::string_view name, int threads, bool opens_llvm,
                 const std::vector<std::pair<std::string, ColdAndWarm>>& all) {
  const ColdAndWarm& tenon = all[0].second;
  ordered_json cold = ordered_json::object(), warm = ordered_json::object();
  for (std::size_t i = 1; i < all.size(); ++i) {
    cold[all[i].first] = all[i].second.cold.first();
    warm[all[i].first] = all[i].second.warm.first();
  }
  print_json_line(ordered_json{{"suite", "start"},
                               {"case", name},
                               {"dtype", "f32"},
                               {"threads", threads},
                               {"cold_ms", tenon.cold.total()},
                               {"cold_first_ms", tenon.cold.first()},
                               {"cold_median_ms", tenon.cold.median()},
                               {"warm_ms", tenon.warm.total()},
                               {"warm_first_ms", tenon.warm.first()},
                               {"warm_median_ms", tenon.warm.median()},
                               {"warm_opens_llvm", opens_llvm},
                               {"peers", warm},
                               {"peers_cold", cold},
                               {"machine", processor()}});
}

void report_table(std::string_view name, bool opens_llvm,
                  const std::vector<std::pair<std::string, ColdAndWarm>>& all) {
  for (const auto& [program, samples] : all) {
    fmt::print("{:<14} {:<10}", name, program);
    for (const Samples* some : {&samples.cold, &samples.warm}) {
      fmt::print(" {:>12.1f} ms {:>10.1f} ms {:>10.1f} ms", some->first(), some->total(),
                 some->median());
    }
    if (program == "tenon") fmt::print("  {}", opens_llvm ? "opens LLVM when warm" : "no LLVM");
    fmt::print("\n");
  }
}

bool run_case(std::string_view name, const Options& options, int threads) {
  const TemporaryFolder folder;
  const std::vector<Program> all = programs(name, folder.path(), threads);
  std::vector<std::pair<std::string, ColdAndWarm>> samples;
  for (const Program& program : all) samples.emplace_back(program.name, ColdAndWarm{});
  for (int round = 0; round < options.rounds; ++round) {
    note(fmt::format("start {}: round {} of {}", name, round + 1, options.rounds));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0 && is_slow(samples[i].second)) continue;
      if (!cold_and_warm(all[i], samples[i].second) && all[i].name == "tenon") {
        end_notes();
        fmt::print(stderr, "tenon-bench: start {}: wrong result: warm differs from cold\n", name);
        return false;
      }
    }
  }
  const bool opens_llvm = opens_llvm_when_warm(all[0]);
  end_notes();
  if (options.json) {
    report_json(name, threads, opens_llvm, samples);
  } else {
    report_table(name, opens_llvm, samples);
  }
  std::fflush(stdout);
  return true;
}

// Measures the time from building the graph of one small kernel to its result, in a session that
// knows the kernel.
void run_launch(const Options& options, int threads) {
  SessionOptions session_options;
  session_options.threads = threads;
  session_options.cache = "";
  Session session(session_options);
  Operands operands(session);
  const Tensor x = operands.uniform({16}), y = operands.uniform({16});
  const Bound bound = [&] {  // releases its graph, or relu(x * y) below would find the same node
    const Tensor output = relu(x * y);
    return session.bind({&output, 1});
  }();
  auto microseconds = [](auto&& run) {
    constexpr int batches = 20, batch = 1000;
    double best = 1e9;
    for (int round = 0; round < batches; ++round) {
      const auto start = std::chrono::steady_clock::now();
      for (int repeat = 0; repeat < batch; ++repeat) run();
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - start;
      best = std::min(best, took.count() / batch);
    }
    return best;
  };
  const double whole = microseconds([&] { relu(x * y).realize(); });
  const double kernel = microseconds([&] { bound.launch(); });
  if (options.json) {
    print_json_line(ordered_json{{"suite", "start"},
                                 {"case", "launch"},
                                 {"dtype", "f32"},
                                 {"threads", threads},
                                 {"graph_to_result_us", whole},
                                 {"kernel_us", kernel},
                                 {"graph_to_launch_us", whole - kernel}});
  } else {
    fmt::print("{:<14} {:<10} graph to launch {:.2f} us (with its kernel {:.2f} us)\n", "launch",
               "tenon", whole - kernel, whole);
  }
}

}  // namespace

bool run_start(const Options& options) {
  const std::vector<std::string> own{"matmul_256", "matmul_1024", "softmax_1024", "digits_step",
                                     "launch"};
  SessionOptions session_options;
  session_options.threads = options.threads;
  session_options.cache = "";
  const int threads = Session(session_options).threads();
  if (!options.moves.path.empty()) fail("start: takes no --moves");
  if (!options.json) {
    fmt::print("{}\n{} thread{}; best of {} rounds, and the median of whole runs\n\n{:<25}",
               machine_line(), threads, threads == 1 ? "" : "s", options.rounds, "start");
    for (const char* state : {"cold", "warm"}) {
      fmt::print(" {:>15} {:>13} {:>13}", fmt::format("{}: first", state), "whole", "median");
    }
    fmt::print("\n");
  }
  for (const auto& [peer, module] : python_peers)
    if (!python_has(module)) warn_of_missing_peer(peer, fmt::format("python3 has no {}", module));
  bool all_right = true;
  for (const std::string& name : options.cases.empty() ? own : options.cases) {
    if (name == "launch") {
      run_launch(options, threads);
    } else {
      all_right &= run_case(name, options, threads);
    }
  }
  return all_right;
}

}  // namespace tenon::bench
