#include "cli/explain.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/moves_file.h"
#include "codegen/compile.h"
#include "core/error.h"
#include "core/print_graph.h"
#include "lower/finish.h"
#include "lower/fuse.h"
#include "lower/rules.h"
#include "tuner/pick.h"
#include "tuner/session_kernels.h"
#include "tuner/session_lower.h"

namespace tenon::cli {

namespace {

class Pages {
 public:
  explicit Pages(const ExplainOptions& options) : stages_(options.stages) {}

  bool shows(std::string_view stage) const {
    if (stages_.empty()) return stage != "asm";
    return std::find(stages_.begin(), stages_.end(), stage) != stages_.end();
  }
  // One stop: a heading and its text.
  void page(std::string_view stage, std::string_view title, std::string_view text) const {
    if (!shows(stage)) return;
    fmt::print("== {}: {}\n{}{}\n", stage, title, text, text.ends_with('\n') ? "" : "\n");
  }

 private:
  const std::vector<std::string>& stages_;
};

std::string cache_row(const std::optional<ScheduleRow>& row, const std::string& key, Cache& cache) {
  std::string text =
      fmt::format("file: {}\n", cache.path().empty() ? "none, in memory" : cache.path());
  text += "schedule: ";
  if (row) {
    text += fmt::format("{}, engine {}", status_name(row->status), row->engine);
    if (row->measured_ns > 0)
      text += fmt::format(", {:.1f} us in {} samples", row->measured_ns / 1e3, row->samples);
    if (!row->reason.empty()) text += ", " + row->reason;
  } else {
    text += "none yet";
  }
  return text +
         fmt::format("\ncode: {}, {}\n", key, cache.find_artifact(key) ? "there" : "not there");
}

// A kernel with the schedule that it would run on, and where that is from.
struct Choice {
  Schedule schedule;
  std::string_view origin;
  std::string file;  // of moves given by hand
};

Choice choose(const Kernel& naive, const std::string& kernel_name, const HandMoves& by_hand,
              bool only_kernel, const std::optional<ScheduleRow>& known, const Session& session) {
  for (const auto& [name, schedule] : by_hand.by_kernel)
    if (name == kernel_name || (name.empty() && only_kernel))
      return {schedule, "by hand", by_hand.file};
  if (known) return {parse_schedule(known->moves, "cache"), "from the cache", "cache"};
  return {pick(naive, read_cpu_info(), session.isa(), session.threads()), "picked now", "pick"};
}

void explain_kernel(const Pages& pages, const Session& session, const std::string& name,
                    const Kernel& naive, const Choice& choice) {
  pages.page("naive", name, print(naive));
  const bool hand = choice.origin == "by hand";
  if (choice.schedule.empty()) pages.page("moves", name, "no moves: the naive nest runs\n");
  const Scheduled scheduled =
      apply_schedule(naive, choice.schedule, [&](const Move& move, const Kernel& kernel) {
        pages.page("moves", fmt::format("{}, {}: {}", name, choice.origin, print(move)),
                   print(kernel));
      });
  if (const auto* refused = std::get_if<RefusedMove>(&scheduled)) {
    const std::string place = hand ? fmt::format("{}:{}", choice.file, refused->move.line)
                                   : fmt::format("{}: {}", choice.file, print(refused->move));
    throw MovesError(fmt::format("{}: {}", place, refused->reason));
  }
  if (!pages.shows("finish") && !pages.shows("ir") && !pages.shows("asm")) return;
  const FinishedKernel finished = finish(std::get<Kernel>(scheduled));
  pages.page("finish",
             fmt::format("{}, {} bytes of scratch, {} a thread", name, finished.shared_scratch,
                         finished.thread_scratch),
             print(finished.kernel));
  if (pages.shows("ir")) pages.page("ir", name, llvm_ir(finished, session.isa()));
  if (pages.shows("asm")) pages.page("asm", name, assembly(finished, session.isa()));
}

void check_names(const HandMoves& by_hand, const std::vector<std::string>& names) {
  for (const auto& [name, schedule] : by_hand.by_kernel)
    if (std::find(names.begin(), names.end(), name) == names.end() &&
        !(name.empty() && names.size() == 1))
      throw MovesError(
          fmt::format("{}: there is no kernel '{}'; write `kernel NAME:` with one of {}",
                      by_hand.file, name, fmt::join(names, ", ")));
}

}  // namespace

const std::vector<std::string>& explain_stages() {
  static const std::vector<std::string> names = {"file",  "graph",  "rules", "kernels", "naive",
                                                 "moves", "finish", "ir",    "asm",     "cache"};
  return names;
}

void explain(const ExplainOptions& options) {
  const Pages pages(options);
  HandMoves by_hand;
  if (options.moves) by_hand = parse_moves(read_file(*options.moves), *options.moves);
  Session session({options.threads, options.isa, {}, false, {}});
  const GraphText graph = load_structure(options.graph, session);
  pages.page("file", options.graph, read_file(options.graph));

  std::vector<NodeRef> wanted;
  for (const Tensor& output : graph.outputs) wanted.push_back(output.node());
  const std::string before = print_graph(wanted);
  pages.page("graph", "as built from primitives", before);
  const std::vector<NodeRef> ruled = apply_rules(wanted, session.nodes());
  const std::string after = print_graph(ruled);
  pages.page("rules", "after the graph rules", before == after ? "nothing changed\n" : after);

  const std::vector<KernelGraph> kernels = kernels_of(ruled);
  std::vector<Kernel> naive;
  for (const KernelGraph& kernel : kernels) naive.push_back(lower_naive(kernel));
  const std::vector<std::string> names = kernel_names(naive);
  for (std::size_t i = 0; i < kernels.size(); ++i)
    pages.page("kernels", fmt::format("{} of {}, {}", i + 1, kernels.size(), names[i]),
               canonical_text(kernels[i]));
  if (kernels.empty()) pages.page("kernels", "none", "every output is an input\n");
  check_names(by_hand, names);

  const DebugStages quiet(nullptr);
  Statistics statistics;
  const CpuInfo cpu = read_cpu_info();
  KernelStore store(session.device(), {cpu, session.isa(), session.threads()}, {}, quiet,
                    statistics);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const WorkloadRow workload = workload_of(kernels[i]);
    const auto known = store.find_schedule(workload);
    const Choice choice = choose(naive[i], names[i], by_hand, kernels.size() == 1, known, session);
    explain_kernel(pages, session, names[i], naive[i], choice);
    const std::string key = store.key_of(print(choice.schedule), workload);
    pages.page("cache", names[i], cache_row(known, key, store.cache()));
  }
}

}  // namespace tenon::cli
