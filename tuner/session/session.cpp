#include "tuner/session/session.h"

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "codegen/cpu_device.h"
#include "codegen/cpu_info.h"
#include "core/print_graph.h"
#include "core/ranges.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "tuner/session/debug_stages.h"
#include "tuner/session/kernel_store.h"
#include "tuner/session/plan.h"

namespace tenon {

namespace {

KernelStore::Target resolved_target(const SessionOptions& options) {
  if (options.threads < 0)
    fail("a session of {} threads: give 1 or more, or 0 for all", options.threads);
  KernelStore::Target target{read_cpu_info(), widest_isa(), options.threads};
  if (target.threads == 0) target.threads = target.cpu.threads;
  if (options.isa && vector_bytes(*options.isa) > vector_bytes(target.isa))
    fail("--isa {}: this processor has {} at most", name(*options.isa), name(target.isa));
  if (options.isa) target.isa = *options.isa;
  return target;
}

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

}  // namespace

struct Session::State {
  State(SessionOptions asked, NodeTable& table)
      : options(std::move(asked)),
        target(resolved_target(options)),
        debug(std::getenv("DEBUG")),
        device(cpu_device(target.threads)),
        nodes(table),
        kernels(*device, target, options.cache, debug, statistics) {}

  SessionOptions options;
  KernelStore::Target target;
  DebugStages debug;
  Statistics statistics;
  std::unique_ptr<Device> device;
  NodeTable& nodes;
  KernelStore kernels;
  std::unordered_map<std::string, std::shared_ptr<const Plan>> plans;  // by Structure::key

  Plan make_plan(std::span<const NodeRef> wanted, std::span<const NodeRef> leaves) {
    const std::vector<NodeRef> ruled = apply_rules(wanted, nodes);
    debug.print(DebugStage::graph, [&] {
      const std::string before = print_graph(wanted), after = print_graph(ruled);
      return fmt::format("as given\n{}after rules{}", before,
                         before == after ? ": nothing changed" : "\n" + after);
    });
    const std::vector<KernelGraph> graphs = fusion(ruled);
    debug.print(DebugStage::fuse, [&] {
      std::string texts = fmt::format("kernels: {}", graphs.size());
      for (const KernelGraph& graph : graphs) texts += "\n" + canonical_text(graph);
      return texts;
    });

    std::vector<Kernel> nests;
    std::vector<std::optional<Schedule>> by_hand(graphs.size());
    if (options.moves) {
      const Timer lowering(statistics.lowering_seconds, statistics.graph_seconds);
      const auto name = [&](const Node& node) { return nodes.name(node); };
      nests = mapped(graphs, [&](const KernelGraph& graph) { return naive(graph, name); });
      statistics.lowered += std::ssize(nests);
      by_hand = options.moves(nests);
      by_hand.resize(graphs.size());
    }
    Plan plan = place(ruled, graphs, leaves);
    for (std::size_t i = 0; i < graphs.size(); ++i) {
      const auto is_empty = [](const NodeRef& output) { return elements(output->shape) == 0; };
      if (std::ranges::all_of(graphs[i].outputs, is_empty)) continue;
      plan.steps[i].program = by_hand[i] ? kernels.program(graphs[i], nests[i], *by_hand[i])
                                         : kernels.program(graphs[i]);
    }
    ++statistics.plans;
    return plan;
  }

  // A plan, and the leaves that its graph reads.
  struct Planned {
    std::shared_ptr<const Plan> plan;
    std::vector<NodeRef> leaves;
  };
  Planned plan(std::span<const NodeRef> wanted) {
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
        if (!slots[slot]) slots[slot] = device->allocate(plan->written[slot - plan->leaves]);
        arguments.push_back(slots[slot]->data);
      }
      if (step.program) {
        device->launch(*step.program, arguments, {});
        ++statistics.launches;
      }
      for (const int slot : step.last_used) slots[slot].reset();
    }
    std::vector<BufferRef> results;
    for (const int slot : plan->results) {
      const bool is_shared = slots[slot].use_count() > 1;  // with a leaf or another result
      BufferRef& result = results.emplace_back(slots[slot]);
      if (!is_shared) continue;
      result = device->allocate(slots[slot]->bytes);
      device->copy(*slots[slot], *result);
    }
    return results;
  }
};

Session::Session(SessionOptions options)
    : state_(std::make_unique<State>(std::move(options), nodes())) {}
Session::~Session() = default;

Device& Session::device() { return *state_->device; }
int Session::threads() const { return state_->target.threads; }
Isa Session::isa() const { return state_->target.isa; }
const Statistics& Session::statistics() const { return state_->statistics; }

std::vector<BufferRef> Session::compute(std::span<const NodeRef> wanted) {
  return state_->run(wanted);
}

Bound Session::bind(std::span<const Tensor> wanted) {
  for (const Tensor& tensor : wanted)
    if (&tensor.executor() != this) fail("bind: a tensor is of another session");
  const auto [plan, leaves] = state_->plan(mapped(wanted, std::mem_fn(&Tensor::node)));
  Bound bound;
  bound.device_ = &device();
  std::vector<BufferRef> slots = buffers_of(leaves);
  for (const std::size_t bytes : plan->written) slots.push_back(device().allocate(bytes));
  const auto buffer = [&](int slot) { return slots[slot]; };
  for (const Plan::Step& step : plan->steps)
    if (step.program) bound.steps_.push_back({step.program, mapped(step.slots, buffer)});
  bound.results_ = mapped(plan->results, buffer);
  return bound;
}

// A buffer that was assigned to has other memory than when it was bound.
void Bound::launch() const {
  const auto data = [](const BufferRef& buffer) { return buffer->data; };
  for (const Step& step : steps_) device_->launch(*step.program, mapped(step.buffers, data), {});
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
