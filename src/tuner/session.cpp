#include "tuner/session.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "codegen/cpu_device.h"
#include "codegen/cpu_info.h"
#include "core/error.h"
#include "core/interpret.h"
#include "core/print_graph.h"
#include "lower/fuse.h"
#include "lower/rules.h"
#include "tuner/plan.h"
#include "tuner/session_debug.h"
#include "tuner/session_kernels.h"
#include "tuner/session_time.h"

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

std::size_t bytes_of(const Node& node) {
  return static_cast<std::size_t>(elements(node.shape)) * info(node.type).bytes;
}

// The values of an interpreted node as bytes of its type.
std::string bytes_from(const std::vector<double>& values, Type type) {
  std::string bytes(values.size() * info(type).bytes, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    char* at = &bytes[i * info(type).bytes];
    if (type == Type::f32) {
      const auto value = static_cast<float>(values[i]);
      std::memcpy(at, &value, sizeof value);
    } else if (type == Type::i32) {
      const auto value = static_cast<std::int32_t>(values[i]);
      std::memcpy(at, &value, sizeof value);
    } else {
      *at = values[i] != 0 ? 1 : 0;
    }
  }
  return bytes;
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

struct Session::State {
  explicit State(SessionOptions asked)
      : options(std::move(asked)),
        target(resolved_target(options)),
        debug(std::getenv("DEBUG")),
        device(target.threads),
        kernels(device, target, options.cache, debug, statistics) {}

  SessionOptions options;
  KernelStore::Target target;
  DebugStages debug;
  Statistics statistics;
  CpuDevice device;
  NodeTable nodes;
  KernelStore kernels;
  StructureWalk structure;
  std::unordered_map<std::string, Plan> plans;  // by StructureWalk::key

  // The plan for `wanted`, and the leaves that it reads. `single_use` keeps a plan that the next
  // graph of the same structure must not share.
  struct Planned {
    const Plan* plan;
    std::vector<NodeRef> leaves;
    std::unique_ptr<Plan> single_use;
  };
  Planned plan(std::span<const NodeRef> wanted);
  Plan make_plan(std::span<const NodeRef> wanted, std::vector<NodeRef>& leaves);
  std::vector<const Schedule*> schedules_by_hand(std::span<const Kernel> naive) const;
  std::vector<BufferRef> run(std::span<const NodeRef> wanted);
  std::vector<BufferRef> run_interpreted(std::span<const NodeRef> wanted);
  Tensor leaf(Session& session, Type type, const void* data, std::size_t count, Shape shape,
              std::string name);
};

// For each kernel the moves that the user gave it, or null. MovesError where they name none.
std::vector<const Schedule*> Session::State::schedules_by_hand(
    std::span<const Kernel> naive) const {
  const std::vector<std::string> names = kernel_names(naive);
  std::vector<const Schedule*> result(naive.size(), nullptr);
  for (const auto& [name, schedule] : options.moves.by_kernel) {
    const auto found = std::find(names.begin(), names.end(), name);
    const bool is_only = name.empty() && names.size() == 1;
    if (!is_only && found == names.end())
      throw MovesError(fmt::format("{}: {}; the graph has {}: {}", options.moves.file,
                                   name.empty() ? "write `kernel NAME:` above each kernel's moves"
                                                : fmt::format("there is no kernel {}", name),
                                   plural(names.size(), "kernel"), fmt::join(names, ", ")));
    result[is_only ? 0 : found - names.begin()] = &schedule;
  }
  return result;
}

Plan Session::State::make_plan(std::span<const NodeRef> wanted, std::vector<NodeRef>& leaves) {
  const std::vector<NodeRef> ruled = apply_rules(wanted, nodes);
  debug.print(DebugStage::graph, [&] {
    const std::string before = print_graph(wanted), after = print_graph(ruled);
    return fmt::format("as given\n{}after rules{}", before,
                       before == after ? ": nothing changed" : "\n" + after);
  });
  const std::vector<KernelGraph> graphs = kernels_of(ruled);
  debug.print(DebugStage::fuse, [&] {
    std::string texts = plural(graphs.size(), "kernel");
    for (const KernelGraph& graph : graphs) texts += "\n" + canonical_text(graph);
    return texts;
  });

  std::vector<Kernel> naive;
  std::vector<const Schedule*> by_hand(graphs.size(), nullptr);
  if (!options.moves.by_kernel.empty() && !graphs.empty()) {
    const TimeInto lowering(statistics.lowering_seconds);
    for (const KernelGraph& graph : graphs) naive.push_back(lower_naive(graph));
    statistics.lowered += static_cast<std::int64_t>(naive.size());
    by_hand = schedules_by_hand(naive);
  }
  Plan plan = place(ruled, graphs, leaves);
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    const auto& outputs = graphs[i].outputs;
    if (std::all_of(outputs.begin(), outputs.end(),
                    [](const NodeRef& output) { return elements(output->shape) == 0; }))
      continue;
    plan.steps[i].program =
        by_hand[i] ? kernels.program(graphs[i], naive[i], *by_hand[i], options.moves.file)
                   : kernels.program(graphs[i]);
  }
  ++statistics.plans;
  return plan;
}

Session::State::Planned Session::State::plan(std::span<const NodeRef> wanted) {
  const double spent_before = statistics.lowering_seconds + statistics.compiling_seconds;
  Planned planned;
  {
    const TimeInto graph(statistics.graph_seconds);
    structure.walk(wanted, nodes);
    const auto known = plans.find(structure.key());
    planned.leaves = structure.leaves();
    if (known != plans.end()) {
      structure.clear();
      planned.plan = &known->second;
      return planned;
    }
    const std::size_t own_leaves = planned.leaves.size();
    std::string key = structure.key();
    structure.clear();
    Plan plan = make_plan(wanted, planned.leaves);
    if (planned.leaves.size() == own_leaves) {
      planned.plan = &(plans[std::move(key)] = std::move(plan));
    } else {
      planned.single_use = std::make_unique<Plan>(std::move(plan));
      planned.plan = planned.single_use.get();
    }
  }
  statistics.graph_seconds -=
      statistics.lowering_seconds + statistics.compiling_seconds - spent_before;
  return planned;
}

std::vector<BufferRef> Session::State::run_interpreted(std::span<const NodeRef> wanted) {
  const TimeInto running(statistics.running_seconds);
  const auto values = interpret(wanted, device);
  std::vector<BufferRef> results;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    results.push_back(device.allocate(bytes_of(*wanted[i])));
    device.write(*results.back(), bytes_from(values[i], wanted[i]->type).data());
  }
  return results;
}

// Computes nodes that are not yet realized, into fresh buffers.
std::vector<BufferRef> Session::State::run(std::span<const NodeRef> wanted) {
  if (options.interpret) return run_interpreted(wanted);
  const Planned planned = plan(wanted);
  const Plan& plan = *planned.plan;
  const TimeInto running(statistics.running_seconds);
  std::vector<BufferRef> slots;
  for (const NodeRef& leaf : planned.leaves) slots.push_back(leaf->as<BufferLeaf>()->buffer);
  slots.resize(plan.leaves + plan.written.size());
  std::vector<void*> arguments;
  for (const Plan::Step& step : plan.steps) {
    arguments.clear();
    for (const int slot : step.slots) {
      if (!slots[slot]) slots[slot] = device.allocate(plan.written[slot - plan.leaves].bytes);
      arguments.push_back(slots[slot]->data);
    }
    if (step.program) {
      device.launch(*step.program, arguments, {});
      ++statistics.launches;
    }
    for (const int slot : step.last_used) slots[slot].reset();
  }
  std::vector<BufferRef> results;
  for (const Plan::Result& result : plan.results) {
    BufferRef buffer = slots[result.slot];
    if (result.is_leaf) {
      const BufferRef copy = device.allocate(buffer->bytes);
      device.write(*copy, buffer->data);
      buffer = copy;
    }
    results.push_back(std::move(buffer));
  }
  return results;
}

Session::Session(SessionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Session::~Session() = default;

Device& Session::device() { return state_->device; }
NodeTable& Session::nodes() { return state_->nodes; }
int Session::threads() const { return state_->target.threads; }
Isa Session::isa() const { return state_->target.isa; }
const Statistics& Session::statistics() const { return state_->statistics; }

std::vector<NodeRef> Session::realize(std::span<const NodeRef> wanted) {
  std::vector<NodeRef> missing;
  for (const NodeRef& node : wanted)
    if (!node->as<BufferLeaf>() && !nodes().realized(*node) &&
        std::find(missing.begin(), missing.end(), node) == missing.end())
      missing.push_back(node);
  if (!missing.empty()) {
    const std::vector<BufferRef> buffers = state_->run(missing);
    for (std::size_t i = 0; i < missing.size(); ++i) {
      const Node& node = *missing[i];
      BufferLeaf leaf{buffers[i], buffers[i]->version, ""};
      nodes().set_realized(missing[i], nodes().make(std::move(leaf), node.type, node.shape, {}));
    }
  }
  std::vector<NodeRef> leaves;
  for (const NodeRef& node : wanted)
    leaves.push_back(node->as<BufferLeaf>() ? node : nodes().realized(*node));
  return leaves;
}

NodeRef Session::assign(const NodeRef& target, const NodeRef& value) {
  const BufferRef memory = current_buffer(*target);
  check(target->shape == value->shape && target->type == value->type,
        "an assigned value has the shape and type of its target");
  const NodeRef known = value->as<BufferLeaf>() ? value : nodes().realized(*value);
  if (known) {
    const BufferRef source = current_buffer(*known);
    if (source != memory) device().write(*memory, source->data);
  } else {
    const BufferRef fresh = state_->run({&value, 1})[0];
    check(fresh->bytes == memory->bytes, "equal shapes and types have buffers of equal size");
    std::swap(fresh->data, memory->data);  // the value may read the target, so never write to it
  }
  ++memory->version;
  BufferLeaf leaf{memory, memory->version, target->as<BufferLeaf>()->name};
  return nodes().make(std::move(leaf), target->type, target->shape, {});
}

Bound Session::bind(std::span<const Tensor> wanted) {
  std::vector<NodeRef> nodes;
  for (const Tensor& tensor : wanted) nodes.push_back(tensor.node());
  if (state_->options.interpret) fail("bind: an interpreting session has no kernels to bind");
  const State::Planned planned = state_->plan(nodes);
  const Plan& plan = *planned.plan;
  Bound bound;
  bound.device_ = &device();
  for (const NodeRef& leaf : planned.leaves) bound.slots_.push_back(leaf->as<BufferLeaf>()->buffer);
  for (const Plan::Written& written : plan.written)
    bound.slots_.push_back(device().allocate(written.bytes));
  for (const Plan::Step& step : plan.steps) {
    if (!step.program) continue;
    Bound::Step& bound_step = bound.steps_.emplace_back(Bound::Step{step.program, {}});
    for (const int slot : step.slots) bound_step.buffers.push_back(bound.slots_[slot]->data);
  }
  for (const Plan::Result& result : plan.results)
    bound.results_.push_back(bound.slots_[result.slot]);
  return bound;
}

void Bound::launch() const {
  for (const Step& step : steps_) device_->launch(*step.program, step.buffers, {});
}

Tensor Session::State::leaf(Session& session, Type type, const void* data, std::size_t count,
                            Shape shape, std::string name) {
  if (count != static_cast<std::size_t>(elements(shape)))
    fail("tensor: {} for the shape {}, which has {}", plural(count, "value"), text(shape),
         elements(shape));
  return from_bytes(session, type, std::move(shape), data, std::move(name));
}

Tensor Session::tensor(std::span<const float> values, Shape shape, std::string name) {
  return state_->leaf(*this, Type::f32, values.data(), values.size(), std::move(shape),
                      std::move(name));
}
Tensor Session::tensor(std::span<const std::int32_t> values, Shape shape, std::string name) {
  return state_->leaf(*this, Type::i32, values.data(), values.size(), std::move(shape),
                      std::move(name));
}
Tensor Session::tensor(std::span<const std::uint8_t> values, Shape shape, std::string name) {
  return state_->leaf(*this, Type::boolean, values.data(), values.size(), std::move(shape),
                      std::move(name));
}

}  // namespace tenon
