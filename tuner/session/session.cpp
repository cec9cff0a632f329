#include "tuner/session/session.h"

#include <algorithm>
#include <cstdlib>
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
        kernels(backend, options.cache, debug, statistics) {}

  SessionOptions options;
  Backend backend;
  DebugStages debug{std::getenv("DEBUG")};
  Statistics statistics;
  NodeTable& nodes;
  KernelStore kernels;
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

  void tune(std::span<const NodeRef> wanted, SearchOptions options,
            const std::function<void(const Tuned&)>& progress) {
    const std::vector<NodeRef> ruled = apply_rules(wanted, nodes);
    const std::vector<KernelGraph> graphs = fusion(ruled);
    std::vector<NodeRef> roots;  // the text may name an output only once
    for (const NodeRef& node : ruled) append_once(roots, node);
    const std::string text = print_graph(roots);
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      if (writes_nothing(graphs[i])) continue;
      if (options.stop && options.stop()) break;
      Tuned tuned{naive(graphs[i]).name, i + 1, graphs.size(), {}, false};
      const auto tell = [&](const Found& found) {
        tuned.found = found;
        if (progress) progress(tuned);
      };
      options.progress = tell;
      const Job job{text, static_cast<int>(i), canonical_text(graphs[i]), backend.machine.threads,
                    std::string(backend.target.name)};
      const Found found = kernels.tune(graphs[i], job, options);
      plans.clear();  // they hold the former programs
      tuned.is_done = true;
      tell(found);
    }
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

  std::vector<BufferRef> run(std::span<const NodeRef> wanted) {
    const auto [plan, leaves] = this->plan(wanted);
    const Timer running(statistics.running_seconds);
    std::vector<BufferRef> slots = buffers_of(leaves);
    slots.resize(plan->leaves + plan->written.size());
    std::vector<void*> arguments;
    for (const Plan::Step& step : plan->steps) {
      arguments.clear();
      for (const int slot : step.slots) {
        if (!slots[slot])
          slots[slot] = backend.device->allocate(plan->written[slot - plan->leaves]);
        arguments.push_back(slots[slot]->data);
      }
      if (step.program) {
        backend.device->launch(*step.program, arguments, {});
        ++statistics.launches;
      }
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
  return state_->run(wanted);
}

void Session::tune(std::span<const Tensor> wanted, SearchOptions options,
                   const std::function<void(const Tuned&)>& progress) {
  for (const Tensor& tensor : wanted)
    if (&tensor.executor() != this) fail("tune: a tensor is of another session");
  state_->tune(mapped(wanted, std::mem_fn(&Tensor::node)), std::move(options), progress);
}

Bound Session::bind(std::span<const Tensor> wanted) {
  for (const Tensor& tensor : wanted)
    if (&tensor.executor() != this) fail("bind: a tensor is of another session");
  const auto [plan, leaves] = state_->plan(mapped(wanted, std::mem_fn(&Tensor::node)));
  std::vector<BufferRef> slots = buffers_of(leaves);
  for (const std::size_t bytes : plan->written) slots.push_back(device().allocate(bytes));
  Bound bound{.results = mapped(plan->results, [&](int slot) { return slots[slot]; })};
  // An assignment gives a buffer other memory, so each launch asks for the addresses again.
  bound.launch = [this, plan, slots = std::move(slots)] {
    const auto data = [&](int slot) { return slots[slot]->data; };
    for (const Plan::Step& step : plan->steps)
      if (step.program) device().launch(*step.program, mapped(step.slots, data), {});
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
