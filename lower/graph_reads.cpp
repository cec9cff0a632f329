#include "lower/graph_reads.h"

#include <algorithm>
#include <ranges>
#include <unordered_set>

#include "core/ranges.h"
#include "lower/canonical.h"

namespace tenon {
namespace {

// The extents of the axes that a reader's indices are over.
const Shape& iteration_shape(const Node& reader) {
  return reader.as<Reduce>() ? reader.inputs[0]->shape : reader.shape;
}

// The axes of the reader's loops that are not reduced, outermost first, without those of one
// element, over which there is no loop; a Scatter has none.
std::vector<Var> row_axes(const Node& reader) {
  std::vector<Var> rows;
  if (reader.as<Scatter>()) return rows;
  const auto* reduce = reader.as<Reduce>();
  const Shape& extents = iteration_shape(reader);
  for (int axis = 0; axis < std::ssize(extents); axis++)
    if (extents[axis].value() != 1 && !(reduce && contains(reduce->axes, axis)))
      rows.push_back(axis);
  return rows;
}

using Op = ScalarOp;
constexpr Op hard[] = {Op::div, Op::idiv, Op::mod, Op::exp2, Op::log2, Op::sin, Op::sqrt};
constexpr int costly = 4;          // operations, about; a hard one counts as four
constexpr std::int64_t often = 4;  // reads of an element
constexpr int deepest = 256;       // operations one upon the other: kernels are walked recursively

// The operations that computing one element takes, counted until they are costly.
bool is_costly(const GraphReads& graph, const Node& node) {
  int sum = 0;
  std::unordered_set<const Node*> counted;
  const auto count = [&](const auto& self, const Node& at) -> void {
    if (sum >= costly || !counted.insert(&at).second) return;
    if (const auto* map = at.as<Map>()) sum += contains(hard, map->op) ? 4 : 1;
    if (at.as<Gather>()) sum++;
    for (const NodeRef& input : at.inputs)
      if (!graph.of(*input).has_memory) self(self, *input);
  };
  count(count, node);
  return sum >= costly;
}

// Is it element-wise work on the results of Reduces of its own size, which no result of a kernel
// reads at rows? Then it goes with the Reduces, rather than they with what is read.
bool is_epilogue(const GraphReads& graph, const Node& node) {
  std::vector<Read> all = graph.of(node).reads;
  std::erase_if(all, [&](const Read& read) { return graph.of(*read.reader).is_kept_in_rows; });
  if (!node.as<Map>() || all.empty() ||
      std::ranges::any_of(all, [&](const Read& read) { return is_at_rows(node, read); }))
    return false;
  bool found = false;
  std::unordered_set<const Node*> seen;
  const auto look = [&](const auto& self, const Node& at) -> void {
    if (!seen.insert(&at).second || found) return;
    if (&at != &node && graph.of(at).has_memory)
      found = elements(at.shape) >= elements(node.shape);
    else if (graph.of(at).is_derived)
      for (const NodeRef& input : at.inputs) self(self, *input);
  };
  look(look, node);
  return found;
}

bool is_worth_keeping(const GraphReads& graph, const Node& node) {
  if (!node.as<Map>() && !node.as<Gather>()) return false;
  const NodeReads& own = graph.of(node);
  std::int64_t times = 0;
  for (const Read& read : own.reads) times += iterations(*read.reader);
  const bool is_factor = std::ranges::any_of(
      own.reads, [&](const Read& read) { return graph.of(*read.reader).is_contraction; });
  const std::int64_t size = elements(node.shape);
  if (own.is_derived) return times > 2 * size || is_epilogue(graph, node);
  return times >= often * size && (is_factor || is_costly(graph, node));
}

bool fits_rows(const GraphReads& graph, const Node& node) {
  const NodeReads& own = graph.of(node);
  if (!node.as<Map>() || !own.is_derived || own.reads.size() < 2 || !is_costly(graph, node))
    return false;
  const std::vector<Var> axes = row_axes(node);
  return !axes.empty() && std::ranges::all_of(own.reads, [&](const Read& read) {
    const std::vector<Var> rows = row_axes(*read.reader);
    return read.by_position && read.at == all_axes(node.shape) && !rows.empty() &&
           rows.front() == axes.front();
  });
}

// What reads this node reads, through it, its inputs.
void pass_on(GraphReads& graph, const Node& node, const Read& read) {
  const auto add = [&](std::size_t input, std::vector<Index> at, bool by_position) {
    append_once(graph.facts.at(node.inputs[input].get()).reads,
                Read{read.reader, std::move(at), by_position});
  };
  if (const auto* view = node.as<View>(); view && read.by_position) {
    const VarBounds bounds = axis_bounds(iteration_shape(*read.reader));
    const auto through = [&](const Index& index) { return substitute(index, read.at, bounds); };
    add(0, mapped(view->map, through), true);
  } else if (const auto* gather = node.as<Gather>()) {
    add(0, {}, false);
    std::vector<Index> at;
    if (read.by_position)
      for (int i = 0; i < std::ssize(node.inputs[1]->shape); i++)
        at.push_back(read.at[gather->axis + i]);
    add(1, std::move(at), read.by_position);
  } else {
    for (std::size_t i = 0; i < node.inputs.size(); i++) add(i, read.at, read.by_position);
  }
}

}  // namespace

std::int64_t iterations(const Node& node) { return elements(iteration_shape(node)); }

bool is_at_rows(const Node& read_node, const Read& read) {
  if (!read.by_position) return false;
  const std::vector<Var> rows = row_axes(*read.reader);
  const Shape& extents = iteration_shape(*read.reader);
  auto row = rows.begin();
  for (std::size_t axis = 0; axis < read.at.size(); axis++) {
    if (read_node.shape[axis].value() == 1) continue;
    if (row == rows.end() || read.at[axis] != Index::var(*row) ||
        extents[*row] != read_node.shape[axis])
      return false;
    ++row;
  }
  return true;
}

GraphReads read_graph(std::span<const NodeRef> wanted) {
  GraphReads graph{in_order(wanted).nodes};
  auto& facts = graph.facts;
  for (const NodeRef& node : graph.nodes) facts[node.get()] = {};
  for (const NodeRef& node : wanted) facts[node.get()].has_memory = !node->as<BufferLeaf>();
  for (const NodeRef& node : graph.nodes) {
    if (node->as<Reduce>() || node->as<Scatter>()) facts[node.get()].has_memory = true;
    if (node->as<Reduce>() && node->inputs.size() == 2)
      facts[node.get()].is_contraction = std::ranges::all_of(
          node->inputs, [&](const NodeRef& input) { return sharing(*node, *input) > 1; });
    if (node->as<Gather>() && !node->inputs[0]->as<BufferLeaf>())
      facts[node->inputs[0].get()].has_memory = true;
  }
  for (const NodeRef& node : graph.nodes) {
    NodeReads& own = facts[node.get()];
    for (const NodeRef& input : node->inputs) {
      const NodeReads& below = graph.of(*input);
      own.is_derived = own.is_derived || below.has_memory || below.is_derived;
      if (!below.has_memory) own.depth = std::max(own.depth, below.depth + 1);
    }
    own.has_memory = own.has_memory || own.depth >= deepest;
  }
  for (const NodeRef& node : std::views::reverse(graph.nodes)) {
    NodeReads& own = facts[node.get()];
    if (!own.has_memory) own.is_kept_in_rows = fits_rows(graph, *node);
    own.has_memory = own.has_memory || own.is_kept_in_rows || is_worth_keeping(graph, *node);
    if (!own.has_memory)
      for (const Read& read : own.reads) pass_on(graph, *node, read);
    else if (node->as<Scatter>())
      pass_on(graph, *node, {node.get(), {}, false});
    else
      pass_on(graph, *node, {node.get(), all_axes(iteration_shape(*node)), true});
  }
  return graph;
}

}  // namespace tenon
