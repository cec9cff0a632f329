#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include <fmt/format.h>

#include "cli/cache_command.h"
#include "cli/device_command.h"
#include "cli/explain.h"
#include "cli/files.h"
#include "cli/run.h"
#include "cli/tune.h"
#include "cli/worker_command.h"
#include "core/error.h"

namespace tenon::cli {

namespace {

// "a=a.npy", "b=b.npy" -> names to files.
std::map<std::string, std::string> pairs(const std::vector<std::string>& words,
                                         std::string_view option) {
  std::map<std::string, std::string> result;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      fail("{} {}: write {} NAME=FILE.npy", option, word, option);
    const std::string name = word.substr(0, equals);
    if (!result.emplace(name, word.substr(equals + 1)).second)
      fail("{} {}: {} is given twice", option, word, name);
  }
  return result;
}

// The options that `run`, `explain` and `tune` share, as words until they are checked.
struct GraphWords {
  std::string graph, moves, isa;
  int threads = 0;

  void add_graph(CLI::App& command, bool is_required = true) {
    command.add_option("FILE", graph, "the graph, in the text form of docs/graph-text.md")
        ->required(is_required)
        ->option_text(" ");
    command.add_option("--threads", threads, "how many threads run (default: all it may use)")
        ->option_text("N")
        ->check(CLI::Range(1, 1024));
    command.add_option("--isa", isa, "avx512, avx2 or fma128 (default: the widest there is)")
        ->option_text("ISA");
  }
  void add_to(CLI::App& command) {
    add_graph(command);
    command.add_option("--moves", moves, "schedule by hand, with the moves in this file")
        ->option_text("FILE");
  }
  GraphOptions checked() const {
    GraphOptions options{graph, {}, isa, threads};
    if (!moves.empty()) options.moves = moves;
    return options;
  }
};

void add_run(CLI::App& program) {
  struct Words : GraphWords {
    std::vector<std::string> inputs, outputs;
    std::string device = "cpu";
    bool statistics = false, profile = false;
  };
  auto words = std::make_shared<Words>();
  CLI::App& command = *program.add_subcommand("run", "compute the outputs of a graph file");
  words->add_to(command);
  command.add_option("--input", words->inputs, "values of an input; once for each")
      ->option_text("NAME=FILE.npy");
  command.add_option("--output", words->outputs, "where an output goes; others are printed")
      ->option_text("NAME=FILE.npy");
  command.add_option("--device", words->device, "cpu, or interpret: the slow reference")
      ->option_text("DEVICE");
  command.add_flag("--statistics", words->statistics, "print what was compiled, and the times");
  command.add_flag("--profile", words->profile, "print the time of each kernel, and its limit");
  command.footer(
      "Example:\n"
      "  tenon run classify.tenon --input a=a.npy --input w=w.npy --output p=p.npy");
  command.callback([words] {
    if (words->device != "cpu" && words->device != "interpret")
      fail("--device {}: choose cpu or interpret", words->device);
    RunOptions options{words->checked(),
                       pairs(words->inputs, "--input"),
                       pairs(words->outputs, "--output"),
                       words->device == "interpret",
                       words->statistics,
                       words->profile};
    run(options);
  });
}

void add_explain(CLI::App& program) {
  struct Words : GraphWords {
    std::vector<std::string> stages;
    bool assembly = false;
  };
  auto words = std::make_shared<Words>();
  CLI::App& command =
      *program.add_subcommand("explain", "show what becomes of a graph, stage by stage");
  words->add_to(command);
  command
      .add_option(
          "--stage", words->stages,
          fmt::format("only this stage; may be given again: {}", fmt::join(explain_stages(), ", ")))
      ->option_text("NAME");
  command.add_flag("--asm", words->assembly, "the assembly too");
  command.footer(
      "Examples:\n"
      "  tenon explain classify.tenon\n"
      "  tenon explain classify.tenon --stage kernels --stage moves\n"
      "  tenon explain classify.tenon --stage asm --isa avx2");
  command.callback([words] {
    const auto& known = explain_stages();
    ExplainOptions options{words->checked(), words->stages};
    for (const std::string& stage : options.stages)
      if (std::find(known.begin(), known.end(), stage) == known.end())
        fail("--stage {}: the stages are {}", stage, fmt::join(known, ", "));
    if (words->assembly && options.stages.empty()) options.stages = known;
    if (words->assembly) options.stages.emplace_back("asm");
    explain(options);
  });
}

void add_tune(CLI::App& program) {
  struct Words : GraphWords {
    double budget = 2;
    int measurements = 16;
    std::uint64_t seed = 1;
    bool resume = false, exhaustive = false, verify = false, calibrate = false;
  };
  auto words = std::make_shared<Words>();
  CLI::App& command =
      *program.add_subcommand("tune", "measure schedules of a graph's kernels, keep the fastest");
  words->add_graph(command, false);
  command.add_option("--budget", words->budget, "for a kernel (default: 2)")
      ->option_text("SECONDS")
      ->check(CLI::Range(0.0, 1e6));
  command
      .add_option("--measurements", words->measurements,
                  "how many candidates a kernel gets (default: 16)")
      ->option_text("N")
      ->check(CLI::Range(1, 100000));
  command.add_option("--seed", words->seed, "draws the first candidates (default: 1)")
      ->option_text("N");
  command.add_flag("--resume", words->resume,
                   "go on where earlier searches ended: measure nothing twice");
  command.add_flag("--exhaustive", words->exhaustive,
                   "measure about a thousand schedules of each kernel; takes minutes");
  command.add_flag("--verify", words->verify,
                   "compare some elements of the outputs with the interpreter");
  command.add_flag(
      "--calibrate", words->calibrate,
      "fit the model to all that was measured on this machine; without FILE, only that");
  command.footer(
      "Examples:\n"
      "  tenon tune classify.tenon --budget 10 --measurements 100\n"
      "  tenon tune --calibrate");
  command.callback([words] {
    if (words->graph.empty() && !words->calibrate) fail("FILE is required");
    tune({words->checked(), words->budget, words->measurements, words->seed, words->resume,
          words->exhaustive, words->verify, words->calibrate});
  });
}

void add_worker(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("worker", "measure for a process that tunes");
  command.footer("tenon tune starts it:\n  tenon tune classify.tenon");
  command.group("");  // not listed: people do not call it
  command.callback(serve_worker);
}

void add_cache(CLI::App& program) {
  struct Words {
    std::string hash, file = "-";
    std::uint64_t limit = 0;
  };
  auto words = std::make_shared<Words>();
  CLI::App& cache = *program.add_subcommand("cache", "list, export, import and shrink the cache");
  cache.require_subcommand(1);
  cache.footer(
      "The cache is the file $TENON_CACHE, else tenon/tenon.sqlite in the user's cache folder.\n"
      "Example:\n  tenon cache ls");
  const auto add = [&](const char* name, const char* help, const char* example,
                       std::function<void()> action) -> CLI::App& {
    CLI::App& command = *cache.add_subcommand(name, help);
    command.footer(fmt::format("Example:\n  tenon cache {}", example));
    command.callback(std::move(action));
    return command;
  };
  add("ls", "list the kernels and their schedules", "ls", [words] {
    cache_ls(words->hash);
  }).add_option("HASH", words->hash, "only kernels whose hash begins so");
  add("show", "show a kernel's graph and its schedules", "show 6b1e",
      [words] { cache_show(words->hash); })
      .add_option("HASH", words->hash, "how the kernel's hash begins; tenon cache ls lists them")
      ->required();
  add("export", "write all schedules as text, for another machine", "export schedules.jsonl",
      [words] { cache_export(words->file); })
      .add_option("FILE", words->file, "where to; - is the terminal; FILE.sqlite becomes a cache");
  add("import", "read schedules that were exported", "import schedules.jsonl",
      [words] { cache_import(words->file); })
      .add_option("FILE", words->file, "where from")
      ->required();
  add("prune", "drop the compiled kernels that were used longest ago", "prune --limit 64MiB",
      [words] { cache_prune(words->limit); })
      .add_option("--limit", words->limit, "how much may stay, such as 64MiB")
      ->required()
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(  // runs before the one above
          [](const std::string& size) {
            return size.starts_with('-') ? "give a size from 0 on, such as 64MiB" : std::string();
          },
          ""));
  add("clear", "forget everything", "clear", cache_clear);
  add("path", "print the path of the cache's file", "path", cache_path);
}

void add_device(CLI::App& program) {
  CLI::App& command = *program.add_subcommand("device", "show the table of the processor");
  command.footer("Example:\n  tenon device");
  command.callback(show_device);
}

// Some messages of CLI11 have several lines.
std::string one_line(std::string message) {
  for (char& letter : message)
    if (letter == '\n') letter = ' ';
  return message;
}

int report(std::string_view message, int code) {
  tenon::report(fmt::format("tenon: {}", message));
  return code;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App program("Tenon compiles lazy graphs of tensors into fast machine code.", "tenon");
  program.require_subcommand(1);
  add_run(program);
  add_explain(program);
  add_tune(program);
  add_cache(program);
  add_device(program);
  add_worker(program);
  program.footer("Example:\n  tenon run graph.tenon --input a=a.npy --output p=p.npy");
  try {
    program.parse(argc, argv);
    return std::fflush(stdout) == 0 ? 0 : report("the output cannot be written", 1);
  } catch (const CLI::Success& help) {  // --help, which CLI11 throws
    return program.exit(help);
  } catch (const CLI::ParseError& mistake) {
    const auto unknown = program.remaining(true);
    return report(unknown.empty() ? one_line(mistake.what()) + "; see tenon --help"
                                  : fmt::format("not expected: {}; see tenon --help", unknown[0]),
                  2);
  } catch (const Error& mistake) {
    return report(mistake.what(), 2);
  } catch (const InternalError&) {  // its message is printed already
    return 1;
  } catch (const std::bad_alloc&) {
    return report("out of memory", 1);
  } catch (const std::exception& failure) {
    return report(failure.what(), 1);
  }
}

}  // namespace tenon::cli
