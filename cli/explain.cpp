#include "cli/explain.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/moves_file.h"
#include "codegen/compile.h"
#include "core/print_graph.h"
#include "core/ranges.h"
#include "lower/finish.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "tuner/schedule/pick.h"
#include "tuner/session/kernel_store.h"

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

// The moves in the words of a nest with names, where they are in those of the nest without: `sum.k`
// is `c.k` there.
Schedule renamed(const Schedule& moves, const Kernel& nameless, const Kernel& named) {
  const auto name = [](const KernelTensor& tensor) { return tensor.name; };
  const std::vector<std::string> from = mapped(nameless.tensors, name);
  std::string text, word;
  bool is_first = true;  // of words with dots between them
  for (const char next : print(moves)) {
    if (next == '_' || std::isalnum(static_cast<unsigned char>(next))) {
      word += next;
      continue;
    }
    const auto tensor = is_first ? position(from, word) : std::nullopt;
    text += (tensor ? named.tensors[*tensor].name : word) + next;
    word.clear();
    is_first = next != '.';
  }
  return parse_schedule(text, "cache");
}

// A kernel with the schedule that it would run on, and where that is from.
struct Choice {
  Schedule schedule;
  std::string_view origin;
  std::string key;  // of its code in the cache
};

Choice choose(const KernelGraph& graph, const Kernel& named, const std::optional<Schedule>& by_hand,
              const std::optional<ScheduleRow>& known, const Session& session,
              const KernelStore& store) {
  const std::string text = canonical_text(graph);
  if (by_hand) return {*by_hand, "by hand", store.key_of(print(*by_hand), text + print(named))};
  const Kernel nameless = nameless_naive(graph);
  const Schedule schedule = known
                                ? parse_schedule(known->moves, "cache")
                                : pick(nameless, read_cpu_info(), session.isa(), session.threads());
  return {renamed(schedule, nameless, named), known ? "from the cache" : "picked now",
          store.key_of(print(schedule), text)};
}

void explain_kernel(const Pages& pages, const Session& session, const std::string& name,
                    const Kernel& naive, const Choice& choice) {
  pages.page("naive", name, print(naive));
  if (choice.schedule.empty()) pages.page("moves", name, "no moves: the naive nest runs\n");
  const Moved scheduled =
      apply_all(naive, choice.schedule, [&](const Move& move, const Kernel& kernel) {
        pages.page("moves", fmt::format("{}, {}: {}", name, choice.origin, print(move)),
                   print(kernel));
      });
  if (const auto* refused = std::get_if<Refusal>(&scheduled))
    throw MovesError(fmt::format("{}: {}", refused->place, refused->reason));
  if (!pages.shows("finish") && !pages.shows("ir") && !pages.shows("asm")) return;
  const FinishedKernel finished = finish(std::get<Kernel>(scheduled), target(session.isa()));
  pages.page("finish",
             fmt::format("{}, {} bytes of scratch, {} a thread", name, finished.launch_scratch,
                         finished.thread_scratch),
             print(finished.kernel));
  if (pages.shows("ir")) pages.page("ir", name, print(finished, session.isa(), Output::ir));
  if (pages.shows("asm")) pages.page("asm", name, print(finished, session.isa(), Output::assembly));
}

}  // namespace

const std::vector<std::string>& explain_stages() {
  static const std::vector<std::string> names = {"file",  "graph",  "rules", "kernels", "naive",
                                                 "moves", "finish", "ir",    "asm",     "cache"};
  return names;
}

void explain(const ExplainOptions& options) {
  const Pages pages(options);
  HandMoves moves;
  if (options.moves) moves = by_hand(parse_moves(read_file(*options.moves), *options.moves));
  Session session({options.threads, options.isa, {}, {}});
  const std::string file = read_file(options.graph);
  const GraphText graph = load_structure(file, options.graph, session);
  pages.page("file", options.graph, file);

  std::vector<NodeRef> wanted;
  for (const Tensor& output : graph.outputs) wanted.push_back(output.node());
  const std::string before = print_graph(wanted);
  pages.page("graph", "as built from primitives", before);
  const std::vector<NodeRef> ruled = apply_rules(wanted, session.nodes());
  const std::string after = print_graph(ruled);
  pages.page("rules", "after the graph rules", before == after ? "nothing changed\n" : after);

  const std::vector<KernelGraph> kernels = fusion(ruled);
  const auto name_of = [&](const Node& node) { return session.nodes().name(node); };
  const std::vector<Kernel> naive =
      mapped(kernels, [&](const KernelGraph& kernel) { return tenon::naive(kernel, name_of); });
  const std::vector<std::string> names = kernel_names(naive);
  for (std::size_t i = 0; i < kernels.size(); ++i)
    pages.page("kernels", fmt::format("{} of {}, {}", i + 1, kernels.size(), names[i]),
               canonical_text(kernels[i]));
  if (kernels.empty()) pages.page("kernels", "none", "every output is an input\n");

  const DebugStages quiet(nullptr);
  Statistics statistics;
  KernelStore store(session.device(), {read_cpu_info(), session.isa(), session.threads()}, {},
                    quiet, statistics);
  const auto schedules =
      moves ? moves(naive) : std::vector<std::optional<Schedule>>(kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const auto known = store.find_schedule(workload_of(kernels[i]));
    const Choice choice = choose(kernels[i], naive[i], schedules[i], known, session, store);
    explain_kernel(pages, session, names[i], naive[i], choice);
    pages.page("cache", names[i], cache_row(known, choice.key, store.cache()));
  }
}

}  // namespace tenon::cli
