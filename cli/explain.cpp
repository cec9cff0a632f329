#include "cli/explain.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "cli/files.h"
#include "cli/graph_file.h"
#include "cli/moves_file.h"
#include "cli/renamed_schedule.h"
#include "core/print_graph.h"
#include "lower/blocked_inputs.h"
#include "lower/finish.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "tuner/search/candidates.h"
#include "tuner/session/kernel_store.h"
#include "tuner/session/session.h"
#include "tuner/space/model.h"

namespace tenon::cli {

namespace {

class Pages {
 public:
  explicit Pages(const ExplainOptions& options) : stages_(options.stages) {}

  bool shows(std::string_view stage) const {
    if (stages_.empty()) return stage != "asm";
    return std::find(stages_.begin(), stages_.end(), stage) != stages_.end();
  }
  // Prints one page, a heading and a text, if its stage is shown.
  void page(std::string_view stage, std::string_view title, std::string_view text) const {
    if (!shows(stage)) return;
    fmt::print("== {}: {}\n{}{}\n", stage, title, text, text.ends_with('\n') ? "" : "\n");
  }

 private:
  const std::vector<std::string>& stages_;
};

std::string cache_row(const KernelStore::Choice& choice, Cache& cache) {
  std::string text =
      fmt::format("file: {}\n", cache.path().empty() ? "none, in memory" : cache.path());
  text += "schedule: ";
  const ScheduleRow& row = choice.row;
  text += !choice.is_stored ? "none yet"
                            : fmt::format("{}, engine {}", status_name(row.status), row.engine);
  if (row.measured_ns > 0)
    text += fmt::format(", {:.1f} us in {} samples", row.measured_ns / 1e3, row.samples);
  if (!row.reason.empty()) text += ", " + row.reason;
  return text + fmt::format("\ncode: {}, {}\n", choice.key,
                            cache.find_artifact(choice.key) ? "there" : "not there");
}

// The facts of the kernel, and the schedules that were measured or, before that, those that the
// model ranks first.
std::string search_page(const KernelGraph& graph, const Kernel& naive, KernelStore& store) {
  constexpr std::size_t shown = 8;
  const Space space = store.space_of(naive);
  const Facts facts = facts_of(naive);
  const Cost least = limit_of(facts, space.target, space.machine);
  std::string text = fmt::format(
      "facts: {:.4g} MFLOP in sums of products, {:.4g} MB of arguments\nlimit: {:.1f} us ({})\n",
      facts.flops / 1e6, facts.bytes / 1e6, least.ns / 1e3, least.limit);
  if (const auto blocks = worth_blocking(graph, space.target))
    text += fmt::format("from the second run on: {} in blocks of {} along axis {}\n",
                        naive.tensors[blocks->input].name, blocks->width, blocks->axis);
  const auto time = [](double ns) { return ns > 0 ? fmt::format("{:.1f}", ns / 1e3) : "-"; };
  const auto share = [&](double ns) {
    return ns > 0 ? fmt::format("{:.0f}%", least.ns / ns * 100) : "-";
  };
  text += fmt::format("{:<9} {:>12} {:>12} {:>8}  {:<10} {}\n", "status", "predicted us",
                      "measured us", "of limit", "limited by", "point");
  std::vector<ScheduleRow> rows = store.known_schedules(graph);
  std::erase_if(rows, [](const ScheduleRow& row) {
    return row.measured_ns == 0 && row.status != ScheduleStatus::rejected;
  });
  std::ranges::sort(rows, {}, [](const ScheduleRow& row) {
    return std::tuple(row.status != ScheduleStatus::tuned, row.measured_ns == 0, row.measured_ns,
                      row.moves);
  });
  for (const ScheduleRow& row : rows)
    text += fmt::format("{:<9} {:>12} {:>12} {:>8}  {:<10} {}\n", status_name(row.status),
                        time(row.predicted_ns), time(row.measured_ns), share(row.measured_ns),
                        row.limited_by.empty() ? "-" : row.limited_by,
                        (row.point.empty() ? "no point" : row.point) +
                            (row.reason.empty() ? "" : ": " + row.reason));
  if (rows.empty())
    for (const Candidate& leader : leaders(space, shown, 1))
      text += fmt::format("{:<9} {:>12} {:>12} {:>8}  {:<10} {}\n", "leader",
                          time(leader.predicted_ns), "-", "-", leader.limit, leader.point);
  return text;
}

// The names that the graph's text gives to the nodes under the roots.
PrintedNames names_in(std::initializer_list<std::span<const NodeRef>> roots,
                      const NodeTable& table) {
  PrintedNames names;
  for (const auto& some : roots)
    for (const NodeRef& node : in_order(some).nodes)
      if (const std::string name = table.name(*node); !name.empty()) names[node.get()] = name;
  return names;
}

// Prints the pages from the naive nest to the assembly. Requires a nest and a schedule with the
// names of the graph's text.
void explain_kernel(const Pages& pages, const Backend& backend, const std::string& name,
                    const Kernel& naive, const Schedule& schedule, std::string_view origin) {
  pages.page("naive", name, print(naive));
  if (schedule.empty()) pages.page("moves", name, "no moves: the naive nest runs\n");
  const Moved scheduled = apply_all(naive, schedule, [&](const Move& move, const Kernel& kernel) {
    pages.page("moves", fmt::format("{}, {}: {}", name, origin, print(move)), print(kernel));
  });
  if (const auto* refused = std::get_if<Refusal>(&scheduled))
    throw MovesError(fmt::format("{}: {}", refused->place, refused->reason));
  if (!pages.shows("finish") && !pages.shows("ir") && !pages.shows("asm")) return;
  const FinishedKernel finished = finish(std::get<Kernel>(scheduled), backend.target);
  pages.page("finish",
             fmt::format("{}, {} bytes of scratch, {} a thread", name, finished.launch_scratch,
                         finished.thread_scratch),
             print(finished.kernel));
  if (pages.shows("ir")) pages.page("ir", name, backend.print(finished, Output::ir));
  if (pages.shows("asm")) pages.page("asm", name, backend.print(finished, Output::assembly));
}

}  // namespace

const std::vector<std::string>& explain_stages() {
  static const std::vector<std::string> names = {"file",  "graph",  "rules", "kernels",
                                                 "naive", "search", "moves", "finish",
                                                 "ir",    "asm",    "cache"};
  return names;
}

void explain(const ExplainOptions& options) {
  const Pages pages(options);
  HandMoves moves;
  if (options.moves) moves = cli::by_hand(parse_moves(read_file(*options.moves), *options.moves));
  Session session({options.threads, options.isa, {}, {}});
  const std::string file = read_file(options.graph);
  const GraphText graph = load_structure(file, options.graph, session);
  pages.page("file", options.graph, file);

  std::vector<NodeRef> wanted;
  for (const Tensor& output : graph.outputs) wanted.push_back(output.node());
  const std::vector<NodeRef> ruled = apply_rules(wanted, session.nodes());
  const PrintedNames printed = names_in({wanted, ruled}, session.nodes());
  const std::string before = print_graph(wanted, printed), after = print_graph(ruled, printed);
  pages.page("graph", "as built from primitives", before);
  pages.page("rules", "after the graph rules", before == after ? "nothing changed\n" : after);

  const std::vector<KernelGraph> kernels = fusion(ruled);
  std::vector<Names> names;
  std::vector<Kernel> nests;
  for (const KernelGraph& kernel : kernels) {
    const Kernel nest = naive(kernel);
    names.push_back(names_of(kernel, nest, [&](const Node& n) { return session.nodes().name(n); }));
    nests.push_back(renamed(nest, names.back()));
  }
  const std::vector<std::string> titles = kernel_names(nests);
  for (std::size_t i = 0; i < kernels.size(); ++i)
    pages.page("kernels", fmt::format("{} of {}, {}", i + 1, kernels.size(), titles[i]),
               canonical_text(kernels[i], printed));
  if (kernels.empty()) pages.page("kernels", "none", "every output is an input\n");

  KernelStore& store = session.kernels();
  const auto by_hand = moves ? moves(nests) : std::vector<std::optional<Schedule>>(kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    if (pages.shows("search"))
      pages.page("search", titles[i], search_page(kernels[i], nests[i], store));
    KernelStore::Choice choice = store.choice(kernels[i]);
    std::string origin =
        choice.is_stored ? std::string(status_name(choice.row.status)) : "picked now";
    if (!choice.row.reason.empty()) origin += ", " + choice.row.reason;
    choice.schedule = renamed(std::move(choice.schedule), names[i]);
    if (by_hand[i]) {
      choice.schedule = *by_hand[i];
      choice.key = store.key_of(kernels[i], nests[i], *by_hand[i]);
      origin = "by hand";
    }
    explain_kernel(pages, session.backend(), titles[i], nests[i], choice.schedule, origin);
    pages.page("cache", titles[i], cache_row(choice, store.cache()));
  }
}

}  // namespace tenon::cli
