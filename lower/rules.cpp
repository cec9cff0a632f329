// The table of the rules stands at the end, below the cases that they are made of.
#include "lower/rules.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/drop_reshapes.h"

namespace tenon {
namespace {

using Op = ScalarOp;

// What a rule about an operation and a constant is about.
enum class For : std::uint8_t { floats, others, all };
struct Pattern {
  Op op = Op::add;
  double constant = 0;
  For types = For::all;
};

// One node, whose inputs have been rewritten, the table for new ones, and the rule's pattern.
struct Subject {
  const NodeRef& node;
  NodeTable& table;
  Pattern pattern = {};

  const NodeRef& input(std::size_t i) const { return node->inputs[i]; }
  // Nodes of the same type and shape.
  NodeRef make(Node::Detail detail, std::vector<NodeRef> inputs) const {
    return table.make(std::move(detail), node->type, node->shape, std::move(inputs));
  }
  NodeRef constant(double value) const {
    const NodeRef scalar = table.make(ConstantLeaf{value}, node->type, {}, {});
    return node->shape.empty() ? scalar : make(View{}, {scalar});
  }
};

bool is(const Node& node, Op op) { return node.as<Map>() && node.as<Map>()->op == op; }

// Is the node the operation, on the types, that the rule is about?
bool fits(const Subject& s) {
  const For own = info(s.node->type).is_float ? For::floats : For::others;
  return is(*s.node, s.pattern.op) && (s.pattern.types == For::all || s.pattern.types == own);
}

// The value of a node that is one constant in all elements, below Views or not.
std::optional<double> constant_value(const Node& node) {
  if (const auto* constant = node.as<ConstantLeaf>()) return constant->value;
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty()) return std::nullopt;
  return constant_value(*node.inputs[0]);
}

bool is_constant(const Node& node, double c) {
  const auto value = constant_value(node);
  return value && same_bits(*value, c);
}

// ---- scalar operations ----
// Each case returns the new node, or null where it does not apply: the rules below say when.

NodeRef fold_constants(const Subject& s) {
  const auto* map = s.node->as<Map>();
  if (!map) return nullptr;
  auto of = mapped(s.node->inputs, [](const NodeRef& input) { return constant_value(*input); });
  if (contains(of, std::optional<double>())) return nullptr;
  of.resize(3, 0.0);
  const Type operand = s.node->inputs.back()->type;
  return s.constant(evaluate(map->op, s.node->type, operand, *of[0], *of[1], *of[2]));
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
  if (!is(*s.node, Op::where)) return nullptr;
  const auto condition = constant_value(*s.input(0));
  return condition ? s.input(*condition != 0 ? 1 : 2) : nullptr;
}

NodeRef choose_between_equals(const Subject& s) {
  return is(*s.node, Op::where) && s.input(1) == s.input(2) ? s.input(1) : nullptr;
}

NodeRef cast_to_own_type(const Subject& s) {
  const bool casts = is(*s.node, Op::cast) || is(*s.node, Op::bitcast);
  return casts && s.input(0)->type == s.node->type ? s.input(0) : nullptr;
}

// From bool to anything nothing is lost, and bits stay bits, so the type in between is no matter.
NodeRef cast_twice(const Subject& s) {
  const auto* map = s.node->as<Map>();
  if (!map || (map->op != Op::cast && map->op != Op::bitcast) || !is(*s.input(0), map->op))
    return nullptr;
  const NodeRef& x = s.input(0)->inputs[0];
  return map->op == Op::bitcast || x->type == Type::boolean ? s.make(*map, {x}) : nullptr;
}

// ---- views ----

// One more range, beginning at 0; ranges of indices that differ by a constant become one.
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

// A View of a constant has one form, with no ranges, directly over the leaf. With a fill of another
// value it stays what it is.
NodeRef view_of_constant(const Subject& s) {
  const auto* view = s.node->as<View>();
  if (!view) return nullptr;
  const auto value = constant_value(*s.input(0));
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

// The input of a Reduce with some of its axes left out: those read at 0.
NodeRef without_axes(NodeTable& table, const NodeRef& x, const std::vector<int>& left_out) {
  View view;
  Shape shape;
  for (int axis = 0; axis < std::ssize(x->shape); axis++) {
    const bool is_kept = !contains(left_out, axis);
    view.map.push_back(is_kept ? Index::var(static_cast<Var>(shape.size())) : 0);
    if (is_kept) shape.push_back(x->shape[axis]);
  }
  return table.make(std::move(view), x->type, std::move(shape), {x});
}

// The Reduce over what is left of its axes; its terms themselves where none is left.
NodeRef reduce_less(const Subject& s, const std::vector<int>& left_out) {
  Reduce reduce = *s.node->as<Reduce>();
  std::erase_if(reduce.axes, [&](int axis) { return contains(left_out, axis); });
  for (int& axis : reduce.axes)  // those left out no longer count
    axis -= std::ranges::count_if(left_out, [&](int out) { return out < axis; });
  const std::vector<NodeRef> terms = mapped(
      s.node->inputs, [&](const NodeRef& input) { return without_axes(s.table, input, left_out); });
  if (!reduce.axes.empty()) return s.make(std::move(reduce), terms);
  const NodeRef term = terms.size() == 2 ? s.make(Map{Op::mul}, terms) : terms[0];
  if (reduce.combine == Combine::max || !info(s.node->type).is_float) return term;
  return s.make(Map{Op::add}, {term, s.constant(0)});
}

// Of the product itself or of a View of it, whose fill must be 0: then the padding of one factor
// alone would do, but both may be padded with infinities beside them.
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

// Along an axis of one element, and along those that a View repeats its elements over.
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

// x is of any type, or a float; n an integer or, where the operation takes it, a boolean. Bits are
// kept, so there is no x + 0 = x (-0 + 0 is 0) nor x * 0 = 0 for floats (of infinity and NaN). Sums
// of products and repeated elements round otherwise than the graph did: they define it.
// clang-format off
constexpr Rule rules[] = {
    {"f(c, d, ..)                 = its value", fold_constants},
    {"x * 1                       = x", neutral, {Op::mul, 1, For::all}},
    {"x / 1                       = x", neutral_right, {Op::div, 1, For::all}},
    {"x + -0.0                    = x", neutral, {Op::add, -0.0, For::floats}},
    {"n + 0                       = n", neutral, {Op::add, 0, For::others}},
    {"n idiv 1                    = n", neutral_right, {Op::idiv, 1, For::others}},
    {"n shl 0                     = n", neutral_right, {Op::shl, 0, For::others}},
    {"n shr 0                     = n", neutral_right, {Op::shr, 0, For::others}},
    {"n or 0                      = n", neutral, {Op::bit_or, 0, For::others}},
    {"n xor 0                     = n", neutral, {Op::bit_xor, 0, For::others}},
    {"n and -1                    = n", neutral, {Op::bit_and, -1, For::others}},
    {"n * 0                       = 0", absorbing, {Op::mul, 0, For::others}},
    {"n and 0                     = 0", absorbing, {Op::bit_and, 0, For::others}},
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

// The node with other inputs, under its name.
NodeRef with_inputs(NodeTable& table, const NodeRef& node, const std::vector<NodeRef>& inputs) {
  if (inputs == node->inputs) return node;
  NodeRef made = table.make(node->detail, node->type, node->shape, inputs);
  table.set_name(*made, table.name(*node));
  return made;
}

class Rewrite {
 public:
  explicit Rewrite(NodeTable& table) : table_(table) {}

  NodeRef operator()(const NodeRef& node) {
    if (const auto known = done_.find(node); known != done_.end()) return known->second;
    const NodeRef result = rewritten(node);
    table_.set_name(*result, table_.name(*node));
    return done_[node] = done_[result] = result;
  }

 private:
  NodeRef rewritten(const NodeRef& node) {
    if (node->is_leaf()) return node;
    const NodeRef rebuilt = with_inputs(table_, node, mapped(node->inputs, *this));
    for (const Rule& rule : rules) {
      const NodeRef better = rule.apply({rebuilt, table_, rule.pattern});
      if (!better) continue;
      check(better->type == node->type && better->shape == node->shape, rule.mathematics);
      return (*this)(better);
    }
    return rebuilt;
  }

  NodeTable& table_;
  std::unordered_map<NodeRef, NodeRef> done_;
};

}  // namespace

std::vector<NodeRef> apply_rules(std::span<const NodeRef> wanted, NodeTable& table) {
  // What the rules make never counts as realized: a plan may not depend on what else there is.
  NodeOrder order = in_order(wanted, &table);
  const auto in_place = [&](const NodeRef& node) { return order.nodes[order.place(node)]; };
  Rewrite rewrite(table);
  for (NodeRef& node : order.nodes)  // inputs before users, as graphs may be deep
    node = rewrite(with_inputs(table, node, mapped(node->inputs, in_place)));
  return drop_reshapes(mapped(wanted, in_place), table);
}

}  // namespace tenon
