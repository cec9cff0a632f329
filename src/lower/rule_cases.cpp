#include "lower/rule_cases.h"

#include "core/ranges.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tenon {
namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool is_for(For types, Type type) {
  switch (types) {
    case For::floats:
      return info(type).is_float;
    case For::integers:
      return type == Type::i32;
    case For::booleans:
      return type == Type::boolean;
    case For::all:
      return true;
  }
  return false;
}

bool is(const Node& node, ScalarOp op) { return node.as<Map>() && node.as<Map>()->op == op; }

// Is the node the operation, on the types, that the rule is about?
bool fits(const Subject& s) {
  return is(*s.node, s.pattern.op) && is_for(s.pattern.types, s.node->type);
}

bool is_constant(const Node& node, double c) {
  const auto value = constant_value(node);
  return value && same_bits(*value, c);
}

Index through(const Index& index, const std::vector<Index>& map, const VarBounds& of) {
  return substitute(index, [&](Var axis) { return map[axis]; }, of);
}

// One more range, beginning at 0; ranges of indices that differ by a constant become one.
void add_range(std::vector<Range>& ranges, const Range& range, const VarBounds& of) {
  Range added{range.index - range.low, 0, range.high - range.low};
  if (always(added, of)) return;
  for (auto other = ranges.begin(); other != ranges.end(); ++other) {
    const Index distance = other->index - added.index;
    if (!distance.is_constant()) continue;
    const std::int64_t low = std::max(added.low, other->low - distance.constant());
    const std::int64_t high = std::min(added.high, other->high - distance.constant());
    ranges.erase(other);
    return add_range(ranges, {added.index, low, std::max(low, high)}, of);
  }
  ranges.push_back(std::move(added));
}

// The input of a Reduce with some of its axes left out: those read at 0.
NodeRef without_axes(NodeTable& table, const NodeRef& x, const std::vector<int>& left_out) {
  View view{{}, {}, 0};
  Shape shape;
  for (int axis = 0; axis < static_cast<int>(x->shape.size()); axis++) {
    if (contains(left_out, axis)) {
      view.map.emplace_back(0);
      continue;
    }
    view.map.push_back(Index::var(static_cast<Var>(shape.size())));
    shape.push_back(x->shape[axis]);
  }
  return table.make(std::move(view), x->type, std::move(shape), {x});
}

// The Reduce over what is left of its axes; its terms themselves where none is left.
NodeRef reduce_less(const Subject& s, const std::vector<int>& left_out) {
  Reduce reduce{s.node->as<Reduce>()->combine, {}};
  int dropped = 0;
  for (int axis : s.node->as<Reduce>()->axes) {
    if (contains(left_out, axis))
      dropped++;
    else
      reduce.axes.push_back(axis - dropped);
  }
  std::vector<NodeRef> terms;
  for (const NodeRef& input : s.node->inputs)
    terms.push_back(without_axes(s.table, input, left_out));
  const Type type = s.node->type;
  const Shape& shape = s.node->shape;
  if (!reduce.axes.empty()) return s.table.make(std::move(reduce), type, shape, std::move(terms));
  NodeRef term = terms[0];
  if (terms.size() == 2) term = s.table.make(Map{ScalarOp::mul}, type, shape, std::move(terms));
  if (reduce.combine == Combine::max || !info(type).is_float) return term;
  return s.table.make(Map{ScalarOp::add}, type, shape,
                      {term, make_constant(s.table, 0, type, shape)});
}

}  // namespace

std::optional<double> constant_value(const Node& node) {
  if (const auto* constant = node.as<ConstantLeaf>()) return constant->value;
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty()) return std::nullopt;
  return constant_value(*node.inputs[0]);
}

NodeRef make_constant(NodeTable& table, double value, Type type, const Shape& shape) {
  const NodeRef scalar = table.make(ConstantLeaf{value}, type, {}, {});
  return shape.empty() ? scalar : table.make(View{{}, {}, 0}, type, shape, {scalar});
}

NodeRef fold_constants(const Subject& s) {
  const auto* map = s.node->as<Map>();
  if (!map) return nullptr;
  double operands[3] = {0, 0, 0};
  for (std::size_t i = 0; i < s.node->inputs.size(); i++) {
    const auto value = constant_value(*s.input(i));
    if (!value) return nullptr;
    operands[i] = *value;
  }
  const double value = evaluate(map->op, s.node->type, s.node->inputs.back()->type, operands[0],
                                operands[1], operands[2]);
  return make_constant(s.table, value, s.node->type, s.node->shape);
}

NodeRef neutral_right(const Subject& s) {
  return fits(s) && is_constant(*s.input(1), s.pattern.constant) ? s.input(0) : nullptr;
}

NodeRef neutral(const Subject& s) {
  if (NodeRef left = neutral_right(s)) return left;
  return fits(s) && is_constant(*s.input(0), s.pattern.constant) ? s.input(1) : nullptr;
}

NodeRef absorbing(const Subject& s) {
  if (!fits(s)) return nullptr;
  for (const NodeRef& input : s.node->inputs)
    if (is_constant(*input, s.pattern.constant)) return input;
  return nullptr;
}

NodeRef choose_by_constant(const Subject& s) {
  if (!is(*s.node, ScalarOp::where)) return nullptr;
  const auto condition = constant_value(*s.input(0));
  return condition ? s.input(*condition != 0 ? 1 : 2) : nullptr;
}

NodeRef choose_between_equals(const Subject& s) {
  return is(*s.node, ScalarOp::where) && s.input(1) == s.input(2) ? s.input(1) : nullptr;
}

NodeRef cast_to_own_type(const Subject& s) {
  const bool casts = is(*s.node, ScalarOp::cast) || is(*s.node, ScalarOp::bitcast);
  return casts && s.input(0)->type == s.node->type ? s.input(0) : nullptr;
}

// From bool to anything nothing is lost, so the type in between does not matter.
NodeRef cast_twice(const Subject& s) {
  if (!is(*s.node, ScalarOp::cast) || !is(*s.input(0), ScalarOp::cast)) return nullptr;
  const NodeRef& x = s.input(0)->inputs[0];
  if (x->type != Type::boolean) return nullptr;
  return s.table.make(Map{ScalarOp::cast}, s.node->type, s.node->shape, {x});
}

NodeRef bitcast_back(const Subject& s) {
  if (!is(*s.node, ScalarOp::bitcast) || !is(*s.input(0), ScalarOp::bitcast)) return nullptr;
  const NodeRef& x = s.input(0)->inputs[0];
  return x->type == s.node->type ? x : nullptr;
}

NodeRef view_nothing(const Subject& s) {
  const auto* view = s.node->as<View>();
  if (!view || !view->inside.empty() || !(s.node->shape == s.input(0)->shape)) return nullptr;
  const VarBounds bounds = axis_bounds(s.node->shape);
  for (std::size_t axis = 0; axis < view->map.size(); axis++) {
    const bool only = s.node->shape[axis].value() == 1 && view->map[axis] == Index(0);
    if (!only && !(view->map[axis] == Index::var(static_cast<Var>(axis)))) return nullptr;
  }
  return s.input(0);
}

// A View of a constant has one form, with no ranges, directly over the leaf. With a fill of another
// value it stays what it is.
NodeRef view_of_constant(const Subject& s) {
  const auto* view = s.node->as<View>();
  if (!view) return nullptr;
  const auto value = constant_value(*s.input(0));
  if (!value || (!view->inside.empty() && !same_bits(*value, view->fill))) return nullptr;
  const NodeRef plain = make_constant(s.table, *value, s.node->type, s.node->shape);
  return plain == s.node ? nullptr : plain;
}

NodeRef view_of_view(const Subject& s) {
  const auto* outer = s.node->as<View>();
  const auto* inner = outer ? s.input(0)->as<View>() : nullptr;
  if (!inner) return nullptr;
  const bool both = !outer->inside.empty() && !inner->inside.empty();
  if (both && !same_bits(outer->fill, inner->fill)) return nullptr;
  const VarBounds bounds = axis_bounds(s.node->shape);
  View view{{}, {}, outer->inside.empty() ? inner->fill : outer->fill};
  for (const Index& index : inner->map) view.map.push_back(through(index, outer->map, bounds));
  for (const Range& range : outer->inside) add_range(view.inside, range, bounds);
  for (const Range& range : inner->inside)
    add_range(view.inside, {through(range.index, outer->map, bounds), range.low, range.high},
              bounds);
  if (view.inside.empty()) view.fill = 0;
  return s.table.make(std::move(view), s.node->type, s.node->shape, {s.input(0)->inputs[0]});
}

NodeRef sum_of_products(const Subject& s) {
  const auto* reduce = s.node->as<Reduce>();
  if (!reduce || reduce->combine != Combine::sum || s.node->inputs.size() != 1) return nullptr;
  if (!info(s.node->type).is_float || !is(*s.input(0), ScalarOp::mul)) return nullptr;
  return s.table.make(*reduce, s.node->type, s.node->shape, s.input(0)->inputs);
}

// The fill must be 0: then the padding of one factor alone would do, but both may be padded with
// infinities beside them.
NodeRef sum_of_viewed_products(const Subject& s) {
  const auto* reduce = s.node->as<Reduce>();
  if (!reduce || reduce->combine != Combine::sum || s.node->inputs.size() != 1) return nullptr;
  const NodeRef& viewed = s.input(0);
  const auto* view = viewed->as<View>();
  if (!view || !info(s.node->type).is_float) return nullptr;
  if (!view->inside.empty() && view->fill != 0) return nullptr;
  const NodeRef& product = viewed->inputs[0];
  if (!is(*product, ScalarOp::mul)) return nullptr;
  std::vector<NodeRef> factors;
  for (const NodeRef& factor : product->inputs)
    factors.push_back(s.table.make(*view, viewed->type, viewed->shape, {factor}));
  return s.table.make(*reduce, s.node->type, s.node->shape, std::move(factors));
}

NodeRef reduce_single_elements(const Subject& s) {
  const auto* reduce = s.node->as<Reduce>();
  if (!reduce) return nullptr;
  std::vector<int> single;
  for (int axis : reduce->axes)
    if (s.input(0)->shape[axis].value() == 1) single.push_back(axis);
  if (single.empty() && !reduce->axes.empty()) return nullptr;
  return reduce_less(s, single);
}

NodeRef reduce_repeated_elements(const Subject& s) {
  const auto* reduce = s.node->as<Reduce>();
  const auto* view = reduce && s.node->inputs.size() == 1 ? s.input(0)->as<View>() : nullptr;
  if (!view) return nullptr;
  std::vector<int> repeated;
  std::int64_t times = 1;
  for (int axis : reduce->axes) {
    const std::int64_t extent = s.input(0)->shape[axis].value();
    const auto uses = [&](const Index& index) { return index.uses(axis); };
    const bool varies =
        std::ranges::any_of(view->map, uses) ||
        std::ranges::any_of(view->inside, [&](const Range& range) { return uses(range.index); });
    if (varies || extent < 1) continue;
    repeated.push_back(axis);
    times *= extent;
  }
  if (repeated.empty()) return nullptr;
  const NodeRef once = reduce_less(s, repeated);
  if (reduce->combine == Combine::max) return once;
  const double factor = round_to(s.node->type, static_cast<double>(times));
  return s.table.make(Map{ScalarOp::mul}, s.node->type, s.node->shape,
                      {once, make_constant(s.table, factor, s.node->type, s.node->shape)});
}

}  // namespace tenon
