// The six primitives, as users call them: every mistake is found here, and what reaches the node
// table is right.
#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"
#include "core/ranges.h"
#include "core/tensor.h"

namespace tenon {
namespace {

std::string_view name(Type type) { return info(type).name; }

std::string describe(const Tensor& x) { return text(x.type(), x.shape()); }

Tensor made(const Tensor& like, Node::Detail detail, Type type, Shape shape,
            const std::vector<Tensor>& operands) {
  std::vector<NodeRef> inputs;
  for (const Tensor& operand : operands) {
    if (&operand.executor() != &like.executor())
      fail("the operands {} and {} are of different sessions", describe(like), describe(operand));
    inputs.push_back(operand.node());
  }
  NodeRef node = like.executor().nodes().make(std::move(detail), type, std::move(shape), inputs);
  return {like.executor(), std::move(node)};
}

void require_type(const ScalarInfo& op, Type type) {
  if (takes(op, type)) return;
  std::vector<std::string_view> allowed;
  for (const Type other : {Type::f32, Type::i32, Type::boolean})
    if (takes(op, other)) allowed.push_back(name(other));
  fail("{}: takes {}, not {}; cast the operand", op.name, fmt::join(allowed, ", "), name(type));
}

void require_extents(std::string_view operation, const Shape& shape) {
  for (const Extent& extent : shape)
    if (extent.value() < 0) fail("{}: the shape {} has a negative extent", operation, text(shape));
}

void require_axes(const Index& index, const Shape& shape) {
  for (const Var axis : index.vars())
    if (axis < 0 || axis >= static_cast<Var>(shape.size()))
      fail("view: the map uses axis {}, which the result {} does not have", axis, text(shape));
}

void require_index(std::string_view operation, const Tensor& index) {
  if (index.type() != Type::i32)
    fail("{}: the index is {}, not i32; cast it", operation, name(index.type()));
}

Tensor made_reduce(std::string_view operation, Combine combine, const std::vector<Tensor>& inputs,
                   std::vector<int> axes) {
  const Tensor& x = inputs[0];
  if (combine == Combine::sum && x.type() == Type::boolean)
    fail("{}: takes f32, i32, not bool; cast the operand", operation);
  for (int& axis : axes) axis = axis_from_front(operation, x, axis);
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end())
    fail("{}: an axis of {} is named twice", operation, text(x.shape()));
  if (axes.empty()) return x;
  Shape shape;
  for (int axis = 0; axis < x.rank(); axis++)
    if (!contains(axes, axis)) shape.push_back(x.shape()[axis]);
  return made(x, Reduce{combine, std::move(axes)}, x.type(), std::move(shape), inputs);
}

}  // namespace

Tensor from_bytes(Executor& executor, Type type, Shape shape, const void* data, std::string name) {
  require_extents("tensor", shape);
  const BufferRef buffer = executor.device().allocate(bytes(type, shape));
  executor.device().write(*buffer, data);
  BufferLeaf leaf{buffer, buffer->version, std::move(name)};
  return {executor, executor.nodes().make(std::move(leaf), type, std::move(shape), {})};
}

Tensor constant(Executor& executor, Type type, double value, const Shape& shape) {
  const double rounded = round_to(type, value);
  if (!info(type).is_float && rounded != value)
    fail("constant: {} is no {} value; cast an f32 constant instead", value, name(type));
  Tensor scalar{executor, executor.nodes().make(ConstantLeaf{rounded}, type, {}, {})};
  return shape.empty() ? scalar : expand(scalar, shape);
}

Tensor iota(Executor& executor, std::int64_t length) {
  require_extents("iota", {length});
  return {executor, executor.nodes().make(IotaLeaf{}, Type::i32, {length}, {})};
}

Tensor map(ScalarOp op, std::vector<Tensor> operands) {
  const ScalarInfo& row = info(op);
  if (row.result == Result::named) fail("{}: needs a type; call {}(x, type)", row.name, row.name);
  if (static_cast<int>(operands.size()) != row.arity)
    fail("{}: takes {} operands, not {}", row.name, row.arity, operands.size());
  const Tensor& last = operands.back();
  for (std::size_t i = 0; i < operands.size(); i++) {
    if (operands[i].shape() != last.shape())
      fail("{}: shapes differ: {} and {}; expand them to one shape", row.name,
           text(operands[i].shape()), text(last.shape()));
    const Type expected = op == ScalarOp::where && i == 0 ? Type::boolean : last.type();
    if (operands[i].type() != expected)
      fail("{}: operand {} is {}, not {}; cast it", row.name, i + 1, name(operands[i].type()),
           name(expected));
  }
  require_type(row, last.type());
  const Type type = row.result == Result::boolean ? Type::boolean : last.type();
  return made(last, Map{op}, type, last.shape(), operands);
}

Tensor cast(const Tensor& x, Type type) {
  if (x.type() == type) return x;
  return made(x, Map{ScalarOp::cast}, type, x.shape(), {x});
}

Tensor bitcast(const Tensor& x, Type type) {
  if (x.type() == type) return x;
  require_type(info(ScalarOp::bitcast), x.type());
  require_type(info(ScalarOp::bitcast), type);
  return made(x, Map{ScalarOp::bitcast}, type, x.shape(), {x});
}

Tensor reduce(Combine combine, const Tensor& x, std::vector<int> axes) {
  const std::string_view operation = combine == Combine::sum ? "sum" : "max";
  return made_reduce(operation, combine, {x}, std::move(axes));
}

Tensor sum_of_products(const Tensor& x, const Tensor& y, std::vector<int> axes) {
  if (x.shape() != y.shape() || x.type() != y.type())
    fail("sum_of_products: {} and {} must have one type and shape", describe(x), describe(y));
  if (axes.empty()) return map(ScalarOp::mul, {x, y});
  return made_reduce("sum_of_products", Combine::sum, {x, y}, std::move(axes));
}

Tensor view(const Tensor& x, Shape shape, View view) {
  require_extents("view", shape);
  if (static_cast<int>(view.map.size()) != x.rank())
    fail("view: the map has {} indices, but the input {} has {} axes", view.map.size(),
         text(x.shape()), x.rank());
  const VarBounds bounds_of = axis_bounds(shape);
  const auto normal = [&](const Index& index) {
    require_axes(index, shape);
    const auto without_ones = [&](Var axis) {
      return shape[axis] == Extent(1) ? Index(0) : Index::var(axis);
    };
    return substitute(index, without_ones, bounds_of);
  };
  for (Index& index : view.map) index = normal(index);
  std::vector<Range> inside;
  for (const Range& range : view.inside) {
    const Range normalised{normal(range.index), range.low, range.high};
    if (!always(normalised, bounds_of)) inside.push_back(normalised);
  }
  view.inside = std::move(inside);
  view.fill = view.inside.empty() ? 0 : round_to(x.type(), view.fill);
  bool identity = shape == x.shape() && view.inside.empty();
  for (int axis = 0; identity && axis < x.rank(); axis++)
    identity = view.map[axis].as_var() == axis || x.shape()[axis].value() == 1;
  if (identity) return x;
  for (int axis = 0; view.inside.empty() && elements(shape) > 0 && axis < x.rank(); axis++) {
    const Bounds reached = bounds(view.map[axis], bounds_of);
    if (reached.low < 0 || reached.high >= x.shape()[axis].value())
      fail("view: the map reaches {} to {} on axis {} of {}; restrict it with a range", reached.low,
           reached.high, axis, text(x.shape()));
  }
  return made(x, std::move(view), x.type(), std::move(shape), {x});
}

Tensor gather(const Tensor& data, const Tensor& index, int axis) {
  axis = axis_from_front("gather", data, axis);
  require_index("gather", index);
  return made(data, Gather{axis}, data.type(), replace_axis(data.shape(), axis, index.shape()),
              {data, index});
}

Tensor scatter(const Tensor& base, const Tensor& index, const Tensor& update, int axis, bool add) {
  axis = axis_from_front("scatter", base, axis);
  require_index("scatter", index);
  const Shape expected = replace_axis(base.shape(), axis, index.shape());
  if (update.shape() != expected || update.type() != base.type())
    fail("scatter: the update is {}, not {}{}: base {}, index {}, axis {}", describe(update),
         name(base.type()), text(expected), describe(base), describe(index), axis);
  if (add && base.type() == Type::boolean) fail("scatter: bool cannot be added; set it, or cast");
  return made(base, Scatter{axis, add}, base.type(), base.shape(), {base, index, update});
}

}  // namespace tenon
