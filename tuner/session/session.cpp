#include "tuner/session/session.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "codegen/cpu_backend.h"
#include "core/print_graph.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "tuner/session/debug_stages.h"
#include "tuner/session/kept_copies.h"
#include "tuner/session/kernel_store.h"
#include "tuner/session/plan.h"
#include "tuner/session/timer.h"
#include "tuner/space/model.h"

namespace tenon {

namespace {

template <typename T>
Tensor leaf(Session& session, std::span<const T> values, Shape shape, std::string name) {
  if (values.size() != static_cast<std::size_t>(elements(shape)))
    fail("tensor: the shape {} has {} elements, not the {} given", text(shape), elements(shape),
         values.size());
  if (type_of<T>() == Type::boolean && std::ranges::any_of(values, [](T v) { return v > 1; }))
    fail("tensor: a bool is 0 or 1");
  return from_bytes(session, type_of<T>(), std::move(shape), values.data(), std::move(name));
}

std::vector<BufferRef> buffers_of(std::span<const NodeRef> leaves) {
  return mapped(leaves, [](const NodeRef& leaf) { return leaf->as<BufferLeaf>()->buffer; });
}

// What is left of the seconds that $TENON_TUNE gives to all sessions of this process.
std::atomic<double>& budget_of_process() {
  static std::atomic<double> left = [] {
    const char* given = std::getenv("TENON_TUNE");
    if (!given || !*given) return 0.0;
    char* end = nullptr;
    const double seconds = std::strtod(given, &end);
    if (*end != 0 || !(seconds >= 0))
      fail("TENON_TUNE={}: give seconds, such as TENON_TUNE=10", given);
    return seconds;
  }();
  return left;
}

// All kernels of a graph, with the graph's text, from which a worker makes the same kernels.
struct Kernels {
  std::string text;
  std::vector<KernelGraph> graphs;
};

// A graph and how it runs. `leaves` are those that the graph reads.
struct Planned {
  std::vector<NodeRef> wanted;
  std::shared_ptr<const Plan> plan;
  std::vector<NodeRef> leaves;
};

bool writes_nothing(const KernelGraph& kernel) {
  return std::ranges::all_of(kernel.outputs,
                             [](const NodeRef& node) { return elements(node->shape) == 0; });
}

}  // namespace

struct Session::State {
  State(Backend made, SessionOptions asked, NodeTable& table)
      : options(std::move(asked)),
        backend(std::move(made)),
        nodes(table),
        kernels(backend, options.cache, debug, statistics),
        copies(backend.machine.memory / 4),
        own_budget(options.tune.value_or(0)),
        budget(options.tune ? own_budget : budget_of_process()) {}

  SessionOptions options;
  Backend backend;
  DebugStages debug{std::getenv("DEBUG")};
  Statistics statistics;
  NodeTable& nodes;
  KernelStore kernels;
  KeptCopies copies;
  std::atomic<double> own_budget;
  std::atomic<double>& budget;  // seconds for tuning inside the program
  std::unordered_map<std::string, std::shared_ptr<const Plan>> plans;  // by Structure::key

  Plan make_plan(std::span<const NodeRef> wanted, std::span<const NodeRef> leaves) {
    const std::vector<NodeRef> ruled = apply_rules(wanted, nodes);
    debug.show(DebugStage::graph, "graph", [&] { return "as given\n" + print_graph(wanted); });
    debug.show(DebugStage::graph, "graph", [&] { return "after rules\n" + print_graph(ruled); });
    const std::vector<KernelGraph> graphs = fusion(ruled);
    debug.show(DebugStage::fuse, "kernels", [&] {
      const auto text_of = [](const KernelGraph& graph) { return canonical_text(graph); };
      return std::to_string(graphs.size()) + "\n" + joined(graphs, "\n", text_of);
    });
    std::vector<Kernel> nests;
    std::vector<std::optional<Schedule>> by_hand(graphs.size());
    if (options.moves) {
      const Timer lowering(statistics.lowering_seconds, &statistics.graph_seconds);
      nests = mapped(graphs, [&](const KernelGraph& graph) {
        const Kernel nest = naive(graph);
        return renamed(nest, names_of(graph, nest, [&](const Node& n) { return nodes.name(n); }));
      });
      statistics.lowered += std::ssize(nests);
      by_hand = options.moves(nests);
      by_hand.resize(graphs.size());
    }
    Plan plan = place(ruled, graphs, leaves);
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      if (writes_nothing(graphs[i])) continue;
      Plan::Step& step = plan.steps[i];
      step.program = by_hand[i] ? kernels.program(graphs[i], nests[i], *by_hand[i])
                                : kernels.program(graphs[i]);
      const KernelGraph blocked = with_blocks(graphs[i]);
      if (by_hand[i] || !blocked.blocks) continue;
      step.blocks = blocked.blocks;
      step.blocked = kernels.shared_program(canonical_text(blocked));
    }
    ++statistics.plans;
    return plan;
  }

  // The kernel that reads a copy in blocks, if one pays.
  KernelGraph with_blocks(KernelGraph graph) const {
    if (options.keeps) graph.blocks = worth_blocking(graph, backend.target, *options.keeps);
    return graph;
  }

  Kernels kernels_of(std::span<const NodeRef> wanted) const {
    const std::vector<NodeRef> ruled = apply_rules(wanted, nodes);
    std::vector<NodeRef> roots;  // the text may name an output only once
    for (const NodeRef& node : ruled) append_once(roots, node);
    return {print_graph(roots), fusion(ruled)};
  }

  // Spends what is left of the budget on the kernels that no search has tuned. Those with the most
  // time above their limit come first. `seconds` are the times of all kernels.
  void spend_budget(std::span<const NodeRef> wanted, std::span<const double> seconds) {
    const Kernels all = kernels_of(wanted);
    std::vector<std::pair<double, std::size_t>> above;  // ns above the limit, place
    for (std::size_t i = 0; i < all.graphs.size(); ++i)
      if (!writes_nothing(all.graphs[i]) && !kernels.is_tuned(all.graphs[i]))
        above.emplace_back(seconds[i] * 1e9 - limit_ns(all.graphs[i]), i);
    std::ranges::sort(above, std::greater());
    for (const auto& [ns, place] : above) {
      if (budget <= 0 || ns <= 0) return;
      double spent = 0;
      try {
        const Timer timer(spent);
        SearchOptions search;
        search.seconds = std::min(search.seconds, budget.load());
        kernels.tune(all.graphs[place], all.text, place, search);
      } catch (const Error& failure) {
        report(fmt::format("tenon: warning: {}", failure.what()));
        budget = 0;
      }
      budget -= spent;
    }
  }

  double limit_ns(const KernelGraph& graph) const {
    return limit_of(facts_of(naive(graph)), backend.target, backend.machine).ns;
  }

  Planned plan(std::span<const NodeRef> wanted) {
    const Timer graph(statistics.graph_seconds);
    auto [key, leaves] = structure_of(wanted, nodes);
    std::shared_ptr<const Plan>& plan = plans[key];
    if (!plan) plan = std::make_shared<const Plan>(make_plan(wanted, leaves));
    return {{wanted.begin(), wanted.end()}, plan, std::move(leaves)};
  }

  // Compiles the programs that read copies in blocks.
  void prepare_blocked(const Planned& planned) {
    const Timer graph(statistics.graph_seconds);
    const std::vector<KernelGraph> graphs = kernels_of(planned.wanted).graphs;
    for (std::size_t i = 0; i < graphs.size(); ++i)
      if (planned.plan->steps[i].blocked) kernels.program(with_blocks(graphs[i]));
  }

  // The copy in blocks that the step may read; null if there is none.
  BufferRef copy_for(const Planned& planned, const Plan::Step& step,
                     std::span<const BufferRef> slots) {
    if (!step.blocks) return nullptr;
    const int slot = step.slots[step.blocks->input];
    const BufferRef& buffer = slots[slot];
    const auto& [detail, type, shape, inputs, generations] = *planned.leaves[slot];
    const Shape in_copy = blocked_shape(shape, *step.blocks);
    return copies.find(buffer, text(in_copy) + std::to_string(step.blocks->axis), [&] {
      const NodeRef leaf = nodes.make(BufferLeaf{buffer, buffer->version, {}}, type, shape, {});
      const View view = view_in_blocks(shape, *step.blocks);
      const std::vector<NodeRef> copy{nodes.make(view, type, in_copy, {leaf})};
      return compute(copy, nullptr)[0];
    });
  }

  // Runs the kernel on these buffers, unless it writes nothing, and adds its time to `seconds`, if
  // the caller asks for it. An assignment gives a buffer other memory, so each launch asks for the
  // addresses again.
  void launch(const Planned& planned, std::size_t place, std::span<const BufferRef> slots,
              double* seconds = nullptr) {
    const Plan::Step& step = planned.plan->steps[place];
    if (!step.program) return;
    const BufferRef copy = copy_for(planned, step, slots);
    if (copy && !*step.blocked) prepare_blocked(planned);
    std::vector<void*> arguments;
    for (std::size_t i = 0; i < step.slots.size(); ++i)
      arguments.push_back(static_cast<char*>(slots[step.slots[i]]->data) + step.offsets[i]);
    if (copy) arguments[step.blocks->input] = copy->data;
    std::optional<Timer> timer;
    if (seconds) timer.emplace(*seconds);
    backend.device->launch(**(copy ? step.blocked : step.program), arguments, {});
    ++statistics.launches;
  }

  // Runs all kernels, and appends their times to `seconds`, if there is such a list. A slot without
  // a buffer gets one, which is released after its last use.
  void run(const Planned& planned, std::vector<BufferRef>& slots, std::vector<double>* seconds) {
    const Plan& plan = *planned.plan;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      for (const int slot : plan.steps[i].slots)
        if (!slots[slot]) slots[slot] = backend.device->allocate(plan.written[slot - plan.leaves]);
      launch(planned, i, slots, seconds ? &seconds->emplace_back(0) : nullptr);
      for (const int slot : plan.steps[i].last_used) slots[slot].reset();
    }
  }

  std::vector<BufferRef> compute(std::span<const NodeRef> wanted, std::vector<double>* seconds) {
    const Planned planned = plan(wanted);
    const Timer running(statistics.running_seconds);
    std::vector<BufferRef> slots = buffers_of(planned.leaves);
    slots.resize(planned.plan->leaves + planned.plan->written.size());
    run(planned, slots, seconds);
    std::vector<BufferRef> results;
    for (const int slot : planned.plan->results) {
      const bool has_other_user = slots[slot].use_count() > 1;  // a leaf or another result
      BufferRef& result = results.emplace_back(slots[slot]);
      if (!has_other_user) continue;
      result = backend.device->allocate(slots[slot]->bytes);
      backend.device->copy(*slots[slot], *result);
    }
    return results;
  }
};

Session::Session(SessionOptions options)
    : Session(cpu_backend(options.threads, options.isa), options) {}
Session::Session(Backend backend, SessionOptions options)
    : state_(std::make_unique<State>(std::move(backend), std::move(options), nodes())) {}
Session::~Session() = default;

Device& Session::device() { return *state_->backend.device; }
const Backend& Session::backend() const { return state_->backend; }
KernelStore& Session::kernels() { return state_->kernels; }
const Statistics& Session::statistics() const { return state_->statistics; }

std::vector<BufferRef> Session::compute(std::span<const NodeRef> wanted) {
  const std::int64_t plans = state_->statistics.plans;
  const bool may_tune = state_->budget > 0 && !state_->options.moves;
  state_->copies.begin_run();
  std::vector<double> seconds;
  std::vector<BufferRef> results = state_->compute(wanted, may_tune ? &seconds : nullptr);
  if (may_tune && state_->statistics.plans > plans) state_->spend_budget(wanted, seconds);
  return results;
}

std::vector<NodeRef> Session::nodes_of(std::span<const Tensor> wanted, std::string_view call) {
  for (const Tensor& tensor : wanted)
    if (&tensor.executor() != this) fail("{}: a tensor is of another session", call);
  return mapped(wanted, std::mem_fn(&Tensor::node));
}

void Session::tune(std::span<const Tensor> wanted, SearchOptions options,
                   const std::function<void(const Tuned&)>& progress) {
  const Kernels all = state_->kernels_of(nodes_of(wanted, "tune"));
  const auto tune_kernel = [&](const KernelGraph& graph, std::size_t place) {
    if (options.stop && options.stop()) return;
    const char* const layout = graph.blocks ? ", weights in blocks" : "";
    Tuned tuned{naive(graph).name + layout, place + 1, all.graphs.size(), {}, false};
    const auto tell = [&](const Found& found) {
      tuned.found = found;
      if (progress) progress(tuned);
    };
    options.progress = tell;
    const Found found = state_->kernels.tune(graph, all.text, place, options);
    tuned.is_done = true;
    tell(found);
  };
  for (std::size_t i = 0; i < all.graphs.size(); ++i) {
    if (writes_nothing(all.graphs[i])) continue;
    tune_kernel(all.graphs[i], i);
    const KernelGraph blocked = state_->with_blocks(all.graphs[i]);
    if (blocked.blocks) tune_kernel(blocked, i);
  }
}

Bound Session::bind(std::span<const Tensor> wanted) {
  Planned planned = state_->plan(nodes_of(wanted, "bind"));
  state_->prepare_blocked(planned);
  planned.wanted.clear();  // a Bound holds no node but its leaves, so that its graph can be freed
  std::vector<BufferRef> slots = buffers_of(planned.leaves);
  for (const std::size_t bytes : planned.plan->written) slots.push_back(device().allocate(bytes));
  Bound bound{.results = mapped(planned.plan->results, [&](int slot) { return slots[slot]; })};
  bound.run = [this, planned, slots = std::move(slots)](std::vector<double>* seconds) {
    state_->copies.begin_run();
    std::vector<BufferRef> copy = slots;
    state_->run(planned, copy, seconds);
  };
  return bound;
}

Tensor Session::tensor(std::span<const float> values, Shape shape, std::string name) {
  return leaf(*this, values, std::move(shape), std::move(name));
}
Tensor Session::tensor(std::span<const std::int32_t> values, Shape shape, std::string name) {
  return leaf(*this, values, std::move(shape), std::move(name));
}
Tensor Session::tensor(std::span<const std::uint8_t> values, Shape shape, std::string name) {
  return leaf(*this, values, std::move(shape), std::move(name));
}

}  // namespace tenon
