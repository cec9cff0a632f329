#include "core/infer.h"

#include <random>
#include <ranges>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

std::string_view name(Type type) { return info(type).name; }
std::string describe(const Node& x) { return text(x.type, x.shape); }

void require_inputs(std::string_view operation, const Node& node, int count) {
  if (std::ssize(node.inputs) != count)
    fail("{}: takes {} operands, not {}", operation, count, node.inputs.size());
}

void require_type(const ScalarInfo& op, Type type) {
  if (takes(op, type)) return;
  std::vector<std::string_view> allowed;
  for (const Type other : {Type::f32, Type::i32, Type::boolean})
    if (takes(op, other)) allowed.push_back(name(other));
  fail("{}: takes {}, not {}; cast the operand", op.name, fmt::join(allowed, ", "), name(type));
}

void infer(Node& node, const BufferLeaf& leaf) {
  require_extents("tensor", node.shape);
  check(leaf.buffer && leaf.buffer->bytes >= bytes(node.type, node.shape),
        "the buffer of a leaf holds all elements");
}

// Rounds a float to `type`. Error: an integer or bool is not a value of its type.
void round_value(std::string_view what, Type type, double& value) {
  const double rounded = round_to(type, value);
  if (!info(type).is_float && rounded != value)
    fail("{}: {} is no {} value; give one, or cast from f32", what, value, name(type));
  value = rounded;
}

void infer(Node& node, ConstantLeaf& leaf) {
  round_value("constant", node.type, leaf.value);
  node.shape = {};
}

void infer(Node& node, const IotaLeaf&) {
  require_extents("iota", node.shape);
  check(node.shape.size() == 1, "iota has rank 1");
  if (node.shape[0].value() > std::int64_t{1} << 31)
    fail("iota: the length {} is over 2^31, as far as i32 counts", node.shape[0].value());
  node.type = Type::i32;
}

void infer(Node& node, const Map& map) {
  const ScalarInfo& op = info(map.op);
  require_inputs(op.name, node, op.arity);
  const Node& last = *node.inputs.back();
  for (const NodeRef& input : node.inputs) {
    if (input->shape != last.shape)
      fail("{}: shapes differ: {} and {}; expand them to one shape", op.name, text(input->shape),
           text(last.shape));
    const bool is_condition = map.op == ScalarOp::where && &input == &node.inputs[0];
    const Type expected = is_condition ? Type::boolean : last.type;
    if (input->type != expected)
      fail("{}: operand {} is {}, not {}; cast it", op.name, &input - node.inputs.data() + 1,
           name(input->type), name(expected));
  }
  require_type(op, last.type);
  if (op.result == Result::named)
    require_type(op, node.type);
  else
    node.type = op.result == Result::boolean ? Type::boolean : last.type;
  node.shape = last.shape;
}

void infer(Node& node, Reduce& reduce) {
  const bool is_sum = reduce.combine == Combine::sum;
  const bool is_of_products = is_sum && node.inputs.size() == 2;
  const std::string_view operation = is_of_products ? "sum_of_products" : is_sum ? "sum" : "max";
  require_inputs(operation, node, is_of_products ? 2 : 1);
  const Node &x = *node.inputs[0], &y = *node.inputs.back();
  if (x.shape != y.shape || x.type != y.type)
    fail("{}: {} and {} must have one type and shape", operation, describe(x), describe(y));
  if (is_sum && x.type == Type::boolean)
    fail("{}: takes f32, i32, not bool; cast the operand", operation);
  for (int& axis : reduce.axes) axis = axis_from_front(operation, x.shape, axis);
  std::ranges::sort(reduce.axes);
  if (std::ranges::adjacent_find(reduce.axes) != reduce.axes.end())
    fail("{}: an axis of {} is named twice", operation, text(x.shape));
  node.type = x.type;
  node.shape = x.shape;
  for (const int axis : std::views::reverse(reduce.axes))
    node.shape.erase(node.shape.begin() + axis);
}

// Tries 64 random elements of the result: does the view read inside its input for each?
bool samples_inside(const Node& node, const View& view) {
  std::minstd_rand random;
  std::vector<std::int64_t> position(node.shape.size());
  const auto at = [&](Var axis) { return position[axis]; };
  for (int sample = 0; sample < 64; sample++) {
    for (std::size_t axis = 0; axis < position.size(); axis++)
      position[axis] = static_cast<std::int64_t>(random()) % node.shape[axis].value();
    const bool reads =
        std::ranges::all_of(view.inside, [&](const Range& range) { return holds(range, at); });
    for (std::size_t axis = 0; reads && axis < view.map.size(); axis++)
      if (!holds({view.map[axis], 0, node.inputs[0]->shape[axis].value()}, at)) return false;
  }
  return true;
}

void normalize(View& view, const Node& node, const VarBounds& bounds_of) {
  const auto normal = [&](Var axis) {
    if (axis < 0 || axis >= std::ssize(node.shape))
      fail("view: the map uses axis {}, which the result {} does not have", axis, text(node.shape));
    return node.shape[axis] == Extent(1) ? Index(0) : Index::var(axis);
  };
  for (Index& index : view.map) index = substitute(index, normal, bounds_of);
  for (Range& range : view.inside) range.index = substitute(range.index, normal, bounds_of);
  std::erase_if(view.inside, [&](const Range& range) { return always(range, bounds_of); });
  if (view.inside.empty()) view.fill = 0;
  round_value("fill", node.type, view.fill);
}

void infer(Node& node, View& view) {
  require_inputs("view", node, 1);
  require_extents("view", node.shape);
  const Node& x = *node.inputs[0];
  node.type = x.type;
  if (view.map.size() != x.shape.size())
    fail("view: the map has {} indices, but the input {} has {} axes", view.map.size(),
         text(x.shape), x.shape.size());
  const VarBounds bounds_of = axis_bounds(node.shape);
  normalize(view, node, bounds_of);
  if (elements(node.shape) == 0) return;
  for (std::size_t axis = 0; axis < view.map.size(); axis++) {
    const Bounds reached = bounds(view.map[axis], bounds_of, view.inside);
    const bool reads_nothing = reached.low > reached.high;
    if (reads_nothing || (reached.low >= 0 && reached.high < x.shape[axis].value())) continue;
    if (view.inside.empty() || !samples_inside(node, view))
      fail("view: the map reaches {} to {} on axis {} of {}; restrict it with a range", reached.low,
           reached.high, axis, text(x.shape));
  }
}

// Counts the axis from the front, and returns the shape of what is picked from the data along it:
// the axes of the index replace the axis.
Shape picked_shape(std::string_view operation, const Node& data, const Node& index, int& axis) {
  axis = axis_from_front(operation, data.shape, axis);
  if (index.type != Type::i32)
    fail("{}: the index is {}, not i32; cast it", operation, name(index.type));
  Shape shape = data.shape;
  const auto place = shape.erase(shape.begin() + axis);
  shape.insert(place, index.shape.begin(), index.shape.end());
  return shape;
}

void infer(Node& node, Gather& gather) {
  require_inputs("gather", node, 2);
  node.type = node.inputs[0]->type;
  node.shape = picked_shape("gather", *node.inputs[0], *node.inputs[1], gather.axis);
}

void infer(Node& node, Scatter& scatter) {
  require_inputs("scatter", node, 3);
  const Node &base = *node.inputs[0], &index = *node.inputs[1], &update = *node.inputs[2];
  const Shape expected = picked_shape("scatter", base, index, scatter.axis);
  if (update.shape != expected || update.type != base.type)
    fail("scatter: the update is {}, not {}{}: base {}, index {}, axis {}", describe(update),
         name(base.type), text(expected), describe(base), describe(index), scatter.axis);
  if (scatter.add && base.type == Type::boolean)
    fail("scatter: bool cannot be added; set it, or cast");
  node.type = base.type;
  node.shape = base.shape;
}

}  // namespace

void infer(Node& node) {
  const bool is_leaf = node.as<BufferLeaf>() || node.as<ConstantLeaf>() || node.as<IotaLeaf>();
  check(is_leaf || !contains(node.inputs, nullptr), "an input is missing");
  check(!is_leaf || node.inputs.empty(), "a leaf has no inputs");
  std::visit([&](auto& detail) { infer(node, detail); }, node.detail);
}

void require_extents(std::string_view operation, const Shape& shape) {
  for (std::int64_t bytes = 8; const Extent& extent : shape)  // 8: the bytes of the largest type
    if (extent.value() < 0 || __builtin_mul_overflow(bytes, std::max(extent.value(), 1L), &bytes))
      fail("{}: the shape {} has a negative extent or over 2^60 elements", operation, text(shape));
}

bool changes_nothing(const Node& node) {
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty() || node.shape != node.inputs[0]->shape) return false;
  for (std::size_t axis = 0; axis < view->map.size(); axis++)
    if (view->map[axis].as_var() != axis && node.shape[axis] != Extent(1)) return false;
  return true;
}

}  // namespace tenon
