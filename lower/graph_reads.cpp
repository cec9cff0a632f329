#include "lower/graph_reads.h"

#include <limits>
#include <ranges>
#include <unordered_set>

#include "core/ranges.h"
#include "lower/canonical.h"

namespace tenon {
namespace {

// The axes of the reader's loops that are not reduced, outermost first. An axis of one element has
// no loop and is left out.
std::vector<Var> row_axes(const Node& reader) {
  std::vector<Var> rows;
  const auto* reduce = reader.as<Reduce>();
  const Shape& extents = iteration_shape(reader);
  for (int axis = 0; axis < std::ssize(extents); axis++)
    if (extents[axis].value() != 1 && !(reduce && contains(reduce->axes, axis)))
      rows.push_back(axis);
  return rows;
}

constexpr int simple = 3;           // instructions; an operation of more counts as four simple ones
constexpr int costly = 4;           // simple operations
constexpr std::int64_t often = 4;   // reads of an element
constexpr int deepest = 256;        // nodes in a chain without memory, which is walked recursively
constexpr int largest_code = 1024;  // instructions of one node with memory

// The sum of what `weigh` says of the node and of all nodes that are computed where it reads them,
// each counted once. Counting stops when the sum is `enough`.
int weight(const GraphReads& graph, const Node& node, int enough, int (*weigh)(const Node&)) {
  int sum = 0;
  std::unordered_set<const Node*> counted;
  const auto count = [&](const auto& self, const Node& at) -> void {
    if (sum >= enough || !counted.insert(&at).second) return;
    sum += weigh(at);
    for (const NodeRef& input : at.inputs)
      if (!graph.of(*input).has_memory) self(self, *input);
  };
  count(count, node);
  return sum;
}

int instructions(const Node& node) {
  if (const auto* map = node.as<Map>()) return info(map->op).instructions;
  if (const auto* view = node.as<View>()) return 2 * static_cast<int>(std::ssize(view->inside));
  return node.as<Gather>() ? 4 : 0;
}

bool is_costly(const GraphReads& graph, const Node& node) {
  const auto weigh = [](const Node& at) {
    return !at.as<Map>() ? at.as<Gather>() != nullptr : instructions(at) > simple ? costly : 1;
  };
  return weight(graph, node, costly, weigh) >= costly;
}

// Is the node element-wise work on the result of a Reduce that is at least as large, and does no
// reader read it at rows? Then it is kept: it joins the kernel of the Reduce, and its readers read
// it from memory.
bool is_epilogue(const GraphReads& graph, const Node& node) {
  if (!node.as<Map>() || graph.of(node).source < elements(node.shape)) return false;
  std::vector<Read> all = graph.of(node).reads;
  std::erase_if(all, [&](const Read& read) { return graph.of(*read.reader).is_kept_in_rows; });
  return !all.empty() &&
         std::ranges::none_of(all, [&](const Read& read) { return is_at_rows(node, read); });
}

bool is_worth_keeping(const GraphReads& graph, const Node& node) {
  if (!node.as<Map>() && !node.as<Gather>()) return false;
  const NodeReads& own = graph.of(node);
  std::int64_t times = 0;
  for (const Read& read : own.reads) times += iterations(*read.reader);
  const bool is_factor = std::ranges::any_of(
      own.reads, [&](const Read& read) { return graph.of(*read.reader).is_contraction; });
  const std::int64_t size = elements(node.shape);
  if (own.is_derived()) return times > 2 * size || is_epilogue(graph, node);
  return times >= often * size && (is_factor || is_costly(graph, node));
}

bool fits_rows(const GraphReads& graph, const Node& node) {
  const NodeReads& own = graph.of(node);
  if (!node.as<Map>() || !own.is_derived() || own.reads.size() < 2 || !is_costly(graph, node))
    return false;
  const std::vector<Var> axes = row_axes(node);
  return !axes.empty() && std::ranges::all_of(own.reads, [&](const Read& read) {
    const std::vector<Var> rows = row_axes(*read.reader);
    return read.at == all_axes(node.shape) && !rows.empty() && rows.front() == axes.front();
  });
}

// A reader that computes this node where it reads it also reads the node's inputs: adds those
// reads.
void pass_on(GraphReads& graph, const Node& node, const Read& read) {
  std::vector<Read> below(node.inputs.size(), read);
  if (const auto* view = node.as<View>(); view && read.at) {
    const VarBounds bounds = axis_bounds(iteration_shape(*read.reader));
    const auto through = [&](const Index& index) { return substitute(index, *read.at, bounds); };
    below[0].at = mapped(view->map, through);
  } else if (const auto* gather = node.as<Gather>()) {
    below[0].at.reset();
    if (read.at) {
      const auto first = read.at->begin() + gather->axis;
      below[1].at.emplace(first, first + std::ssize(node.inputs[1]->shape));
    }
  }
  for (std::size_t i = 0; i < below.size(); i++)
    append_once(graph.facts.at(node.inputs[i].get()).reads, below[i]);
}

// The facts of a graph in which the nodes in `cut` have memory in any case.
GraphReads read_graph(std::span<const NodeRef> wanted, const std::unordered_set<const Node*>& cut) {
  GraphReads graph{in_order(wanted).nodes};
  auto& facts = graph.facts;
  for (const NodeRef& node : wanted) facts[node.get()].has_memory = !node->as<BufferLeaf>();
  for (const NodeRef& node : graph.nodes) {
    NodeReads& own = facts[node.get()];
    own.has_memory = own.has_memory || node->as<Reduce>() || node->as<Scatter>();
    const auto is_shared = [&](const NodeRef& input) { return sharing(*node, *input) > 1; };
    own.is_contraction = node->as<Reduce>() && node->inputs.size() == 2 &&
                         std::ranges::all_of(node->inputs, is_shared);
    if (node->as<Gather>() && !node->inputs[0]->as<BufferLeaf>())
      facts[node->inputs[0].get()].has_memory = true;
  }
  for (const NodeRef& node : graph.nodes) {
    NodeReads& own = facts[node.get()];
    for (const NodeRef& input : node->inputs) {
      const NodeReads& below = graph.of(*input);
      own.source = std::max(own.source, below.has_memory ? elements(input->shape) : below.source);
      if (!below.has_memory) own.depth = std::max(own.depth, below.depth + 1);
    }
    own.has_memory = own.has_memory || own.depth >= deepest || cut.contains(node.get());
  }
  for (const NodeRef& node : std::views::reverse(graph.nodes)) {
    NodeReads& own = facts[node.get()];
    if (!own.has_memory) own.is_kept_in_rows = fits_rows(graph, *node);
    own.has_memory = own.has_memory || own.is_kept_in_rows || is_worth_keeping(graph, *node);
    if (!own.has_memory)
      for (const Read& read : own.reads) pass_on(graph, *node, read);
    else if (node->as<Scatter>())
      pass_on(graph, *node, {node.get(), std::nullopt});
    else
      pass_on(graph, *node, {node.get(), all_axes(iteration_shape(*node))});
  }
  return graph;
}

// Gives memory to nodes whose code would be too large, and adds them to `cut`.
void cut_large(GraphReads& graph, std::unordered_set<const Node*>& cut) {
  // Instructions of each node, with all that is computed where it is read.
  std::unordered_map<const Node*, int> code;
  for (const NodeRef& node : graph.nodes) {
    int& sum = code[node.get()] = instructions(*node);
    for (const NodeRef& input : node->inputs)
      if (!graph.of(*input).has_memory) sum += code.at(input.get());
    // What two inputs share counts twice in this sum, so a large sum is computed exactly.
    if (sum > largest_code) sum = weight(graph, *node, largest_code + 1, instructions);
    if (sum <= largest_code || node->as<View>() || graph.of(*node).has_memory) continue;
    graph.facts.at(node.get()).has_memory = true;
    cut.insert(node.get());
  }
}

}  // namespace

int code_size(const GraphReads& graph, const Node& node) {
  return weight(graph, node, std::numeric_limits<int>::max(), instructions);
}

const Shape& iteration_shape(const Node& node) {
  return node.as<Reduce>() ? node.inputs[0]->shape : node.shape;
}

bool is_at_rows(const Node& read_node, const Read& read) {
  if (!read.at) return false;
  const std::vector<Var> rows = row_axes(*read.reader);
  const Shape& extents = iteration_shape(*read.reader);
  auto row = rows.begin();
  for (std::size_t axis = 0; axis < read.at->size(); axis++) {
    if (read_node.shape[axis].value() == 1) continue;
    if (row == rows.end() || (*read.at)[axis] != Index::var(*row) ||
        extents[*row] != read_node.shape[axis])
      return false;
    ++row;
  }
  return true;
}

GraphReads read_graph(std::span<const NodeRef> wanted) {
  std::unordered_set<const Node*> cut;
  for (;;) {
    GraphReads graph = read_graph(wanted, cut);
    const std::size_t before = cut.size();
    cut_large(graph, cut);
    if (cut.size() == before) return graph;
  }
}

}  // namespace tenon
