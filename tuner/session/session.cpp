#include "tuner/session/session.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "codegen/cpu_backend.h"
#include "core/print_graph.h"
#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/names.h"
#include "lower/rules.h"
#include "tuner/session/debug_stages.h"
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
        own_budget(options.tune.value_or(0)),
        budget(options.tune ? own_budget : budget_of_process()) {}

  SessionOptions options;
  Backend backend;
  DebugStages debug{std::getenv("DEBUG")};
  Statistics statistics;
  NodeTable& nodes;
  KernelStore kernels;
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
      plan.steps[i].program = by_hand[i] ? kernels.program(graphs[i], nests[i], *by_hand[i])
                                         : kernels.program(graphs[i]);
    }
    ++statistics.plans;
    return plan;
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
        above.emplace_back(seconds[i] * 1e9 - limit_ns(naive(all.graphs[i])), i);
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

  double limit_ns(const Kernel& naive) const {
    return limit_of(facts_of(naive), backend.target, backend.machine).ns;
  }

  // The plan of the graph, and the leaves that the graph reads.
  std::pair<std::shared_ptr<const Plan>, std::vector<NodeRef>> plan(
      std::span<const NodeRef> wanted) {
    const Timer graph(statistics.graph_seconds);
    auto [key, leaves] = structure_of(wanted, nodes);
    std::shared_ptr<const Plan>& plan = plans[key];
    if (!plan) plan = std::make_shared<const Plan>(make_plan(wanted, leaves));
    return {plan, std::move(leaves)};
  }

  // Runs the kernel on these buffers, unless it writes nothing, and adds its time to `seconds`, if
  // the caller asks for it. An assignment gives a buffer other memory, so each launch asks for the
  // addresses again.
  void launch(const Plan::Step& step, std::span<const BufferRef> slots, double* seconds = nullptr) {
    std::optional<Timer> timer;
    if (seconds) timer.emplace(*seconds);
    if (!step.program) return;
    std::vector<void*> arguments;
    for (std::size_t i = 0; i < step.slots.size(); ++i)
      arguments.push_back(static_cast<char*>(slots[step.slots[i]]->data) + step.offsets[i]);
    backend.device->launch(**step.program, arguments, {});
    ++statistics.launches;
  }

  // The buffers of all slots of the plan.
  std::vector<BufferRef> slots_of(const Plan& plan, std::span<const NodeRef> leaves) {
    std::vector<BufferRef> slots = buffers_of(leaves);
    for (const std::size_t bytes : plan.written) slots.push_back(backend.device->allocate(bytes));
    return slots;
  }

  // The seconds of each kernel go to `seconds`, if there is one.
  std::vector<BufferRef> run(std::span<const NodeRef> wanted, std::vector<double>* seconds) {
    const auto [plan, leaves] = this->plan(wanted);
    const Timer running(statistics.running_seconds);
    std::vector<BufferRef> slots = buffers_of(leaves);
    slots.resize(plan->leaves + plan->written.size());
    for (const Plan::Step& step : plan->steps) {
      for (const int slot : step.slots)
        if (!slots[slot])
          slots[slot] = backend.device->allocate(plan->written[slot - plan->leaves]);
      launch(step, slots, seconds ? &seconds->emplace_back(0) : nullptr);
      for (const int slot : step.last_used) slots[slot].reset();
    }
    std::vector<BufferRef> results;
    for (const int slot : plan->results) {
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
  std::vector<double> seconds;
  std::vector<BufferRef> results = state_->run(wanted, may_tune ? &seconds : nullptr);
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
  for (std::size_t i = 0; i < all.graphs.size(); ++i) {
    if (writes_nothing(all.graphs[i])) continue;
    if (options.stop && options.stop()) break;
    Tuned tuned{naive(all.graphs[i]).name, i + 1, all.graphs.size(), {}, false};
    const auto tell = [&](const Found& found) {
      tuned.found = found;
      if (progress) progress(tuned);
    };
    options.progress = tell;
    const Found found = state_->kernels.tune(all.graphs[i], all.text, i, options);
    tuned.is_done = true;
    tell(found);
  }
}

Bound Session::bind(std::span<const Tensor> wanted) {
  const auto [plan, leaves] = state_->plan(nodes_of(wanted, "bind"));
  std::vector<BufferRef> slots = state_->slots_of(*plan, leaves);
  Bound bound{.results = mapped(plan->results, [&](int slot) { return slots[slot]; })};
  bound.launch = [this, plan, slots = std::move(slots)] {
    for (const Plan::Step& step : plan->steps) state_->launch(step, slots);
  };
  return bound;
}

std::vector<KernelTime> Session::profile(std::span<const Tensor> wanted) {
  constexpr double enough_seconds = 1;
  const std::vector<NodeRef> roots = nodes_of(wanted, "profile");
  const auto [plan, leaves] = state_->plan(roots);
  const std::vector<BufferRef> slots = state_->slots_of(*plan, leaves);
  std::vector<KernelTime> times;
  for (const KernelGraph& graph : state_->kernels_of(roots).graphs) {
    const Kernel nest = naive(graph);
    const Facts facts = facts_of(nest);
    times.push_back({nest.name, std::numeric_limits<double>::infinity(), facts.flops, facts.bytes,
                     state_->limit_ns(nest) / 1e9});
  }
  for (double spent = 0; !times.empty() && spent < enough_seconds;)
    for (std::size_t i = 0; i < times.size(); ++i) {
      double seconds = 0;
      state_->launch(plan->steps[i], slots, &seconds);
      times[i].seconds = std::min(times[i].seconds, seconds);
      spent += seconds;
    }
  return times;
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
