#include "lower/fuse_reads.h"

#include <algorithm>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/canonical.h"
#include "lower/fuse.h"

namespace tenon {
namespace {

// The extents of the axes that a reader's indices are over.
const Shape& iteration_shape(const Node& reader) {
  return reader.as<Reduce>() ? reader.inputs[0]->shape : reader.shape;
}

std::vector<Index> all_axes(const Shape& shape) {
  std::vector<Index> at;
  for (std::size_t axis = 0; axis < shape.size(); axis++)
    at.push_back(Index::var(static_cast<Var>(axis)));
  return at;
}

int cost_of(ScalarOp op) {
  switch (op) {
    case ScalarOp::div:
    case ScalarOp::idiv:
    case ScalarOp::mod:
    case ScalarOp::exp2:
    case ScalarOp::log2:
    case ScalarOp::sin:
    case ScalarOp::sqrt:
      return 4;
    default:
      return 1;
  }
}

constexpr int costly = 4;          // operations, about
constexpr std::int64_t often = 4;  // reads of an element

}  // namespace

std::int64_t iterations(const Node& node) { return elements(iteration_shape(node)); }

std::vector<Var> row_axes(const Node& reader) {
  std::vector<Var> rows;
  if (reader.as<Scatter>()) return rows;
  const auto* reduce = reader.as<Reduce>();
  const Shape& extents = iteration_shape(reader);
  for (int axis = 0; axis < static_cast<int>(extents.size()); axis++) {
    const bool reduced = reduce && contains(reduce->axes, axis);
    if (!reduced && extents[axis].value() != 1) rows.push_back(axis);
  }
  return rows;
}

bool is_at_rows(const Node& read_node, const Read& read) {
  if (!read.by_position) return false;
  const std::vector<Var> rows = row_axes(*read.reader);
  const Shape& extents = iteration_shape(*read.reader);
  auto row = rows.begin();
  for (std::size_t axis = 0; axis < read.at.size(); axis++) {
    if (read_node.shape[axis].value() == 1) continue;
    if (row == rows.end() || !(read.at[axis] == Index::var(*row))) return false;
    if (!(extents[*row] == read_node.shape[axis])) return false;
    ++row;
  }
  return true;
}

GraphReads::GraphReads(std::span<const NodeRef> wanted) {
  for (const NodeRef& node : wanted) collect(node);
  for (const NodeRef& node : wanted)
    if (!node->as<BufferLeaf>()) memory_.insert(node.get());
  for (const NodeRef& node : nodes_) {
    if (node->as<Reduce>() || node->as<Scatter>()) memory_.insert(node.get());
    if (node->as<Reduce>() && node->inputs.size() == 2 && sharing(*node, *node->inputs[0]) > 1 &&
        sharing(*node, *node->inputs[1]) > 1)
      contractions_.insert(node.get());
    if (node->as<Gather>() && !node->inputs[0]->as<BufferLeaf>())
      memory_.insert(node->inputs[0].get());
  }
  for (const NodeRef& node : nodes_) {
    const bool derived = std::ranges::any_of(node->inputs, [&](const NodeRef& input) {
      return has_memory(*input) || is_derived(*input);
    });
    if (derived) derived_.insert(node.get());
  }
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (!has_memory(**node) && fits_rows(**node)) kept_in_rows_.insert(node->get());
    if (!has_memory(**node) && (is_kept_in_rows(**node) || is_worth_keeping(**node)))
      memory_.insert(node->get());
    if (has_memory(**node)) {
      read_inputs(**node);
    } else {
      const std::vector<Read> all = reads(**node);
      for (const Read& read : all) pass_on(**node, read);
    }
  }
}

void GraphReads::collect(const NodeRef& node) {
  if (!seen_.insert(node.get()).second) return;
  for (const NodeRef& input : node->inputs) collect(input);
  nodes_.push_back(node);
}

const std::vector<Read>& GraphReads::reads(const Node& node) const {
  static const std::vector<Read> none;
  const auto found = reads_.find(&node);
  return found == reads_.end() ? none : found->second;
}

bool GraphReads::is_worth_keeping(const Node& node) const {
  if (!node.as<Map>() && !node.as<Gather>()) return false;
  std::int64_t times = 0;
  bool is_factor = false;  // of a contraction
  for (const Read& read : reads(node)) {
    times += iterations(*read.reader);
    is_factor = is_factor || is_contraction(*read.reader);
  }
  const std::int64_t size = elements(node.shape);
  if (is_derived(node)) return times > 2 * size || is_epilogue(node);
  return times >= often * size && (is_factor || cost(node, costly) >= costly);
}

// Is it element-wise work on the results of Reduces of its own size, which no result of a kernel
// reads at rows? Then it goes with the Reduces, rather than they with what is read.
bool GraphReads::is_epilogue(const Node& node) const {
  std::vector<Read> all = reads(node);
  std::erase_if(all, [&](const Read& read) { return is_kept_in_rows(*read.reader); });
  if (!node.as<Map>() || all.empty() ||
      std::ranges::any_of(all, [&](const Read& read) { return is_at_rows(node, read); }))
    return false;
  bool found = false;
  std::unordered_set<const Node*> seen;
  const auto look = [&](const auto& self, const Node& at) -> void {
    if (!seen.insert(&at).second || found) return;
    if (&at != &node && has_memory(at))
      found = elements(at.shape) >= elements(node.shape);
    else if (is_derived(at))
      for (const NodeRef& input : at.inputs) self(self, *input);
  };
  look(look, node);
  return found;
}

bool GraphReads::fits_rows(const Node& node) const {
  const std::vector<Read>& all = reads(node);
  if (!node.as<Map>() || !is_derived(node) || all.size() < 2 || cost(node, costly) < costly)
    return false;
  const std::vector<Var> axes = row_axes(node);
  return !axes.empty() && std::ranges::all_of(all, [&](const Read& read) {
    const std::vector<Var> rows = row_axes(*read.reader);
    return read.by_position && read.at == all_axes(node.shape) && !rows.empty() &&
           rows.front() == axes.front();
  });
}

// The operations that computing one element takes, counted up to `enough`.
int GraphReads::cost(const Node& node, int enough) const {
  int sum = 0;
  std::unordered_set<const Node*> counted;
  const auto count = [&](const auto& self, const Node& at) -> void {
    if (sum >= enough || !counted.insert(&at).second) return;
    if (const auto* map = at.as<Map>()) sum += cost_of(map->op);
    if (at.as<Gather>()) sum++;
    for (const NodeRef& input : at.inputs)
      if (!has_memory(*input)) self(self, *input);
  };
  count(count, node);
  return sum;
}

void GraphReads::add(const Node& input, Read read) {
  std::vector<Read>& reads = reads_[&input];
  const bool known = std::ranges::any_of(reads, [&](const Read& other) {
    return other.reader == read.reader && other.at == read.at &&
           other.by_position == read.by_position;
  });
  if (!known) reads.push_back(std::move(read));
}

// What reads this node reads, through it, its inputs.
void GraphReads::pass_on(const Node& node, const Read& read) {
  if (const auto* view = node.as<View>()) {
    const Shape& extents = iteration_shape(*read.reader);
    const VarBounds bounds = [&](Var axis) {
      const std::int64_t extent = extents[axis].value();
      return Bounds{0, std::max<std::int64_t>(extent - 1, 0)};
    };
    const auto with = [&](Var axis) { return read.at[axis]; };
    Read below{read.reader, {}, read.by_position};
    if (read.by_position)
      for (const Index& index : view->map) below.at.push_back(substitute(index, with, bounds));
    add(*node.inputs[0], std::move(below));
  } else if (const auto* gather = node.as<Gather>()) {
    Read index{read.reader, {}, read.by_position};
    const auto rank = static_cast<std::ptrdiff_t>(node.inputs[1]->shape.size());
    if (read.by_position)
      index.at = {read.at.begin() + gather->axis, read.at.begin() + gather->axis + rank};
    add(*node.inputs[0], {read.reader, {}, false});
    add(*node.inputs[1], std::move(index));
  } else {
    for (const NodeRef& input : node.inputs) add(*input, read);
  }
}

void GraphReads::read_inputs(const Node& node) {
  if (node.as<Scatter>()) {
    for (const NodeRef& input : node.inputs) add(*input, {&node, {}, false});
  } else {
    pass_on(node, {&node, all_axes(iteration_shape(node)), true});
  }
}

}  // namespace tenon
