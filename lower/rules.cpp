// In this order: the functions of the rules, the table that names them, and the last step, which
// replaces requested reshapes.
#include "lower/rules.h"

#include <unordered_set>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

using Op = ScalarOp;

// The operation and the constant that a rule is about.
struct Pattern {
  Op op = Op::add;
  double constant = 0;
  bool for_floats = true;  // else the rule is for integers alone
};

// What a rule is applied to: a node whose inputs have been rewritten, the table that makes new
// nodes, and the rule's pattern.
struct Subject {
  const NodeRef& node;
  NodeTable& table;
  Pattern pattern = {};

  const NodeRef& input(std::size_t i) const { return node->inputs[i]; }
  // A node of the subject's type and shape.
  NodeRef make(Node::Detail detail, std::vector<NodeRef> inputs) const {
    return table.make(std::move(detail), node->type, node->shape, std::move(inputs));
  }
  NodeRef constant(double value) const {
    const NodeRef scalar = table.make(ConstantLeaf{value}, node->type, {}, {});
    return node->shape.empty() ? scalar : make(View{}, {scalar});
  }
};

bool is(const Node& node, Op op) { return node.as<Map>() && node.as<Map>()->op == op; }

// The value of all elements, if the node is a constant or a View of a constant.
std::optional<double> constant_value(const Node& node) {
  if (const auto* constant = node.as<ConstantLeaf>()) return constant->value;
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty()) return std::nullopt;
  return constant_value(*node.inputs[0]);
}

// Is the node the rule's operation, on a type for which the rule holds, and has it the rule's
// constant as this input?
bool has_constant(const Subject& s, std::size_t input) {
  if (!is(*s.node, s.pattern.op)) return false;
  if (!s.pattern.for_floats && info(s.node->type).is_float) return false;
  const auto value = constant_value(*s.input(input));
  return value && same_bits(*value, s.pattern.constant);
}

// ---- scalar operations ----
// Each function returns the new node, or null if its rule does not apply. The table says when a
// rule applies and what it gives.

NodeRef fold_constants(const Subject& s) {
  const auto* map = s.node->as<Map>();
  if (!map) return nullptr;
  auto of = mapped(s.node->inputs, [](const NodeRef& input) { return constant_value(*input); });
  if (contains(of, std::optional<double>())) return nullptr;
  of.resize(3, 0.0);
  const Type operand = s.node->inputs.back()->type;
  return s.constant(evaluate(map->op, s.node->type, operand, *of[0], *of[1], *of[2]));
}

NodeRef neutral_right(const Subject& s) { return has_constant(s, 1) ? s.input(0) : nullptr; }

NodeRef neutral(const Subject& s) { return has_constant(s, 0) ? s.input(1) : neutral_right(s); }

NodeRef absorbing(const Subject& s) {
  if (has_constant(s, 0)) return s.input(0);
  return has_constant(s, 1) ? s.input(1) : nullptr;
}

NodeRef choose_by_constant(const Subject& s) {
  if (!is(*s.node, Op::where)) return nullptr;
  const auto condition = constant_value(*s.input(0));
  return condition ? s.input(*condition != 0 ? 1 : 2) : nullptr;
}

NodeRef choose_between_equals(const Subject& s) {
  return is(*s.node, Op::where) && s.input(1) == s.input(2) ? s.input(1) : nullptr;
}

bool is_cast(const Node& node) { return is(node, Op::cast) || is(node, Op::bitcast); }

NodeRef cast_to_own_type(const Subject& s) {
  return is_cast(*s.node) && s.input(0)->type == s.node->type ? s.input(0) : nullptr;
}

// A cast from bool loses nothing, and a bitcast keeps all bits. So the type in between does not
// matter.
NodeRef cast_twice(const Subject& s) {
  const auto* map = s.node->as<Map>();
  if (!is_cast(*s.node) || !is(*s.input(0), map->op)) return nullptr;
  const NodeRef& x = s.input(0)->inputs[0];
  return map->op == Op::bitcast || x->type == Type::boolean ? s.make(*map, {x}) : nullptr;
}

// ---- views ----

// Adds a range to a list, shifted so that it begins at 0. If its index and the index of a range in
// the list differ by a constant, the two ranges become one: their intersection.
void add_range(std::vector<Range>& ranges, const Range& range) {
  Range added{range.index - range.low, 0, range.high - range.low};
  for (auto other = ranges.begin(); other != ranges.end(); ++other) {
    const Index distance = other->index - added.index;
    if (!distance.is_constant()) continue;
    const std::int64_t low = std::max(added.low, other->low - distance.constant());
    const std::int64_t high = std::min(added.high, other->high - distance.constant());
    ranges.erase(other);
    return add_range(ranges, {added.index, low, std::max(low, high)});
  }
  ranges.push_back(std::move(added));
}

// A View of a constant is normalized: it has no ranges, and its input is the leaf. A View that
// fills with another value than the constant is left as it is.
NodeRef view_of_constant(const Subject& s) {
  const auto* view = s.node->as<View>();
  const auto value = view ? constant_value(*s.input(0)) : std::nullopt;
  if (!value || (!view->inside.empty() && !same_bits(*value, view->fill))) return nullptr;
  const NodeRef plain = s.constant(*value);
  return plain == s.node ? nullptr : plain;
}

NodeRef view_of_view(const Subject& s) {
  const auto* outer = s.node->as<View>();
  const auto* inner = outer ? s.input(0)->as<View>() : nullptr;
  if (!inner) return nullptr;
  const bool both = !outer->inside.empty() && !inner->inside.empty();
  if (both && !same_bits(outer->fill, inner->fill)) return nullptr;
  const VarBounds bounds = axis_bounds(s.node->shape);
  const auto through = [&](const Index& index) { return substitute(index, outer->map, bounds); };
  View view{mapped(inner->map, through)};
  for (const Range& range : outer->inside) add_range(view.inside, range);
  for (const Range& range : inner->inside)
    add_range(view.inside, {through(range.index), range.low, range.high});
  view.fill = outer->inside.empty() ? inner->fill : outer->fill;
  return s.make(std::move(view), {s.input(0)->inputs[0]});
}

// ---- reductions ----

// The Reduce without the axes `left_out`: Views read its inputs at 0 along them. If the Reduce has
// no other axes, the result is its only term.
NodeRef reduce_less(const Subject& s, const std::vector<int>& left_out) {
  const Reduce& whole = *s.node->as<Reduce>();
  Reduce reduce{whole.combine, {}};
  View view;
  Shape shape;
  for (int axis = 0; axis < std::ssize(s.input(0)->shape); axis++) {
    const auto place = static_cast<Var>(shape.size());
    const bool is_left_out = contains(left_out, axis);
    view.map.push_back(is_left_out ? 0 : Index::var(place));
    if (is_left_out) continue;
    shape.push_back(s.input(0)->shape[axis]);
    if (contains(whole.axes, axis)) reduce.axes.push_back(place);
  }
  const std::vector<NodeRef> terms = mapped(s.node->inputs, [&](const NodeRef& input) {
    return s.table.make(view, input->type, shape, {input});
  });
  if (!reduce.axes.empty()) return s.make(std::move(reduce), terms);
  const NodeRef term = terms.size() == 2 ? s.make(Map{Op::mul}, terms) : terms[0];
  if (reduce.combine == Combine::max || !info(s.node->type).is_float) return term;
  return s.make(Map{Op::add}, {term, s.constant(0)});
}

// The terms of the sum are a product, or a View of a product that fills with 0. In the second case
// the View is applied to both factors, so both are 0 outside the ranges. To pad one factor alone
// would be wrong: the other factor may be infinite there, and 0 times infinity is NaN.
NodeRef sum_of_products(const Subject& s) {
  const auto* sum = s.node->as<Reduce>();
  if (!sum || sum->combine != Combine::sum || s.node->inputs.size() != 1) return nullptr;
  const NodeRef& terms = s.input(0);
  const auto* view = terms->as<View>();
  const NodeRef& product = view ? terms->inputs[0] : terms;
  if (!is(*product, Op::mul) || !info(product->type).is_float) return nullptr;
  if (!view) return s.make(*sum, product->inputs);
  if (!view->inside.empty() && view->fill != 0) return nullptr;
  return s.make(*sum, mapped(product->inputs, [&](const NodeRef& factor) {
    return s.table.make(*view, terms->type, terms->shape, {factor});
  }));
}

// All terms are equal along an axis of one element, and along an axis over which a View repeats its
// elements. Such axes are left out of the Reduce; a sum is then multiplied by their extents.
NodeRef reduce_equal_elements(const Subject& s) {
  const auto* reduce = s.node->as<Reduce>();
  if (!reduce) return nullptr;
  const auto* view = s.node->inputs.size() == 1 ? s.input(0)->as<View>() : nullptr;
  std::vector<int> equal;
  std::int64_t times = 1;
  for (int axis : reduce->axes) {
    const std::int64_t extent = s.input(0)->shape[axis].value();
    const auto uses = [&](const Index& index) { return index.uses(axis); };
    const bool is_repeated = view && extent > 0 && std::ranges::none_of(view->map, uses) &&
                             std::ranges::none_of(view->inside, uses, &Range::index);
    if (extent != 1 && !is_repeated) continue;
    equal.push_back(axis);
    times *= extent;
  }
  if (equal.empty() && !reduce->axes.empty()) return nullptr;
  const NodeRef once = reduce_less(s, equal);
  if (times == 1 || reduce->combine == Combine::max) return once;
  const double factor = round_to(s.node->type, static_cast<double>(times));
  return s.make(Map{Op::mul}, {once, s.constant(factor)});
}

// ---- the rules ----

struct Rule {
  const char* mathematics;
  NodeRef (*apply)(const Subject&);
  Pattern pattern = {};
};

// In the table, c and d are constants, p is a bool, n is no float, and x has any type that the
// operation takes. The rules keep all bits. So two rules are missing for floats: x + 0 = x is wrong
// for -0, and x * 0 = 0 is wrong for infinity and NaN. The last two rules are different: they
// define how a sum of products, and a sum of equal elements, is rounded.
// clang-format off
constexpr Rule rules[] = {
    {"f(c, d, ..)                 = its value", fold_constants},
    {"x * 1                       = x", neutral, {Op::mul, 1}},
    {"x / 1                       = x", neutral_right, {Op::div, 1}},
    {"x + -0.0                    = x", neutral, {Op::add, -0.0}},
    {"n + 0                       = n", neutral, {Op::add, 0, false}},
    {"x idiv 1                    = x", neutral_right, {Op::idiv, 1}},
    {"x shl 0                     = x", neutral_right, {Op::shl, 0}},
    {"x shr 0                     = x", neutral_right, {Op::shr, 0}},
    {"x or 0                      = x", neutral, {Op::bit_or, 0}},
    {"x xor 0                     = x", neutral, {Op::bit_xor, 0}},
    {"x and -1                    = x", neutral, {Op::bit_and, -1}},
    {"n * 0                       = 0", absorbing, {Op::mul, 0, false}},
    {"x and 0                     = 0", absorbing, {Op::bit_and, 0}},
    {"where(c, x, y)              = x or y", choose_by_constant},
    {"where(p, x, x)              = x", choose_between_equals},
    {"cast x to its type          = x", cast_to_own_type},
    {"cast(cast(p to a) to b)     = cast(p to b)", cast_twice},
    {"c[f(i)]                     = c", view_of_constant},
    {"(x[f(i)])[g(j)]             = x[f(g(j))]", view_of_view},
    {"sum((a * b)[f(i)])          = sum of fma(a[f(i)], b[f(i)], .)", sum_of_products},
    {"sum over n equal x          = n * (x + 0)", reduce_equal_elements},
};
// clang-format on

// The node with other inputs. It has the same name.
NodeRef with_inputs(NodeTable& table, const NodeRef& node, const std::vector<NodeRef>& inputs) {
  if (inputs == node->inputs) return node;
  NodeRef made = table.make(node->detail, node->type, node->shape, inputs);
  table.set_name(*made, table.name(*node));
  return made;
}

// What the first rule that applies makes of the node, or null.
NodeRef apply_first(const NodeRef& node, NodeTable& table) {
  for (const Rule& rule : rules) {
    const NodeRef better = rule.apply({node, table, rule.pattern});
    if (!better) continue;
    check(better->type == node->type && better->shape == node->shape, rule.mathematics);
    return better;
  }
  return nullptr;
}

// The node after all rules. `done` holds the results so far.
NodeRef rewritten(const NodeRef& node, NodeTable& table,
                  std::unordered_map<NodeRef, NodeRef>& done) {
  if (const auto known = done.find(node); known != done.end()) return known->second;
  const auto in_place = [&](const NodeRef& input) { return rewritten(input, table, done); };
  NodeRef result = with_inputs(table, node, mapped(node->inputs, in_place));
  if (const NodeRef better = apply_first(result, table)) result = rewritten(better, table, done);
  table.set_name(*result, table.name(*node));
  return done[node] = done[result] = result;
}

// ---- requested reshapes ----

// Does the View keep all elements in their row-major order?
bool is_reshape(const Node& node) {
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty()) return false;
  const Shape& from = node.inputs[0]->shape;
  return elements(from) == elements(node.shape) &&
         (elements(from) == 0 || view->map == reshape_map(from, node.shape));
}

// A requested reshape of a computed value is replaced by the value itself, because the bytes are
// identical. It takes over the reshape's name. For example, of the requests
//
//   %1 = add(a, b)  # f32[6]    %2 = reshape(%1, shape=[2,3])    output %2
//
// remains `output %1`: no kernel copies %1 to %2.
//
// A reshape is kept if its value is requested in another shape too, because no two results share
// memory, and if a Gather reads it, because the data of a Gather has memory of its own.
std::vector<NodeRef> drop_reshapes(std::vector<NodeRef> wanted, NodeTable& table) {
  std::unordered_set<NodeRef> gathered;
  for (const NodeRef& node : in_order(wanted).nodes)
    if (node->as<Gather>()) gathered.insert(node->inputs[0]);
  std::unordered_map<NodeRef, NodeRef> results;  // each result, and the request that it answers
  for (const NodeRef& node : wanted) results[node] = node;
  for (NodeRef& node : wanted) {
    if (!is_reshape(*node) || gathered.contains(node)) continue;
    const NodeRef& below = node->inputs[0];
    if (below->is_leaf() || below->as<View>()) continue;
    if (results.emplace(below, node).first->second != node) continue;
    table.set_name(*below, table.name(*node));
    node = below;
  }
  return wanted;
}

}  // namespace

std::vector<NodeRef> apply_rules(std::span<const NodeRef> wanted, NodeTable& table) {
  // Only nodes of the given graph are replaced by leaves. A node that a rule makes may be realized
  // by chance, for another graph; the plan must not depend on that.
  NodeOrder order = in_order(wanted, &table);
  const auto in_place = [&](const NodeRef& node) { return order.nodes[order.place(node)]; };
  std::unordered_map<NodeRef, NodeRef> done;
  for (NodeRef& node : order.nodes)  // inputs before users, as graphs may be deep
    node = rewritten(with_inputs(table, node, mapped(node->inputs, in_place)), table, done);
  return drop_reshapes(mapped(wanted, in_place), table);
}

}  // namespace tenon
