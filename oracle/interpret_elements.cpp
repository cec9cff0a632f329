#include "oracle/interpret_elements.h"

#include <cstring>

#include "core/error.h"

namespace tenon {
namespace {

using Position = std::vector<std::int64_t>;

Position position_in(const Shape& shape, std::int64_t linear) {
  Position result(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; linear /= shape[axis].value())
    result[axis] = linear % shape[axis].value();
  return result;
}

std::int64_t linear_in(const Shape& shape, const Position& position) {
  std::int64_t result = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    result = result * shape[axis].value() + position[axis];
  return result;
}

double element_of(Type type, const std::vector<char>& bytes, std::int64_t at) {
  const auto read = [&]<typename T>(T value) {
    std::memcpy(&value, bytes.data() + at * static_cast<std::int64_t>(sizeof value), sizeof value);
    return static_cast<double>(value);
  };
  if (type == Type::f32) return read(float{});
  return type == Type::i32 ? read(std::int32_t{}) : read(std::uint8_t{});
}

// One operation on values of a type. Floats are not rounded, because accumulation is in double.
double exact(ScalarOp op, Type type, double a, double b) {
  return info(type).is_float ? info(op).on_floats(a, b, 0) : evaluate(op, type, type, a, b, 0);
}

// The extent of the axis that a Gather or a Scatter indexes, and the elements in one row of it.
struct Split {
  std::int64_t extent, inner;
  Split(const Shape& shape, int axis) : extent(shape[axis].value()), inner(strides(shape)[axis]) {}
};

}  // namespace

std::optional<double> ElementInterpreter::element(const NodeRef& node, std::int64_t position) try {
  return value(*node, position);
} catch (const TooMany&) {
  return {};
}

double ElementInterpreter::value(const Node& node, std::int64_t position) {
  if (node.as<BufferLeaf>()) {
    std::vector<char>& memory = leaves_[&node];
    if (memory.empty()) {
      memory.resize(bytes(node.type, node.shape));
      device_.read(*current_buffer(node), memory.data());
    }
    return element_of(node.type, memory, position);
  }
  auto& known = known_[&node];
  if (const auto found = known.find(position); found != known.end()) return found->second;
  if (left_-- <= 0) throw TooMany();
  return known_[&node][position] = compute(node, position);
}

double ElementInterpreter::compute(const Node& node, std::int64_t position) {
  if (const auto* constant = node.as<ConstantLeaf>()) return constant->value;
  if (node.as<IotaLeaf>()) return static_cast<double>(position);
  if (node.as<Reduce>()) return reduce(node, position);
  if (node.as<View>()) return view(node, position);
  if (node.as<Gather>()) return gather(node, position);
  if (node.as<Scatter>()) return scatter(node, position);
  double operands[3] = {};
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    operands[i] = value(*node.inputs[i], position);
  return evaluate(node.as<Map>()->op, node.type, node.inputs.back()->type, operands[0], operands[1],
                  operands[2]);
}

double ElementInterpreter::reduce(const Node& node, std::int64_t position) {
  const Reduce& detail = *node.as<Reduce>();
  const Shape& shape = node.inputs[0]->shape;
  const ScalarOp combine = detail.combine == Combine::max ? ScalarOp::max : ScalarOp::add;
  Position at = position_in(node.shape, position);
  Shape reduced;
  for (const int axis : detail.axes) {
    at.insert(at.begin() + axis, 0);
    reduced.push_back(shape[axis]);
  }
  double result = identity(detail.combine, node.type);
  for (std::int64_t term = 0; term < elements(reduced); ++term) {
    const Position in_term = position_in(reduced, term);
    for (std::size_t i = 0; i < in_term.size(); ++i) at[detail.axes[i]] = in_term[i];
    const std::int64_t place = linear_in(shape, at);
    double next = value(*node.inputs[0], place);
    if (node.inputs.size() == 2)
      next = exact(ScalarOp::mul, node.type, next, value(*node.inputs[1], place));
    result = exact(combine, node.type, result, next);
  }
  return round_to(node.type, result);
}

double ElementInterpreter::view(const Node& node, std::int64_t position) {
  const View& detail = *node.as<View>();
  const Position here = position_in(node.shape, position);
  const auto at = [&](Var axis) { return here[axis]; };
  for (const Range& range : detail.inside)
    if (!holds(range, at)) return detail.fill;
  Position source;
  for (const Index& index : detail.map) source.push_back(evaluate(index, at));
  return value(*node.inputs[0], linear_in(node.inputs[0]->shape, source));
}

double ElementInterpreter::gather(const Node& node, std::int64_t position) {
  const Node &data = *node.inputs[0], &index = *node.inputs[1];
  const Split split(data.shape, node.as<Gather>()->axis);
  const std::int64_t picks = elements(index.shape);
  const std::int64_t inner = position % split.inner, pick = position / split.inner % picks;
  const std::int64_t outer = position / split.inner / picks;
  const auto row = static_cast<std::int64_t>(value(index, pick));
  if (row < 0 || row >= split.extent) return 0;
  return value(data, (outer * split.extent + row) * split.inner + inner);
}

double ElementInterpreter::scatter(const Node& node, std::int64_t position) {
  const Node &index = *node.inputs[1], &update = *node.inputs[2];
  const Scatter& detail = *node.as<Scatter>();
  const Split split(node.shape, detail.axis);
  const std::int64_t inner = position % split.inner, row = position / split.inner % split.extent;
  const std::int64_t outer = position / split.inner / split.extent;
  const std::int64_t picks = elements(index.shape);
  double result = value(*node.inputs[0], position);
  for (std::int64_t pick = 0; pick < picks; ++pick) {
    if (static_cast<std::int64_t>(value(index, pick)) != row) continue;
    const double next = value(update, (outer * picks + pick) * split.inner + inner);
    result = detail.add ? exact(ScalarOp::add, node.type, result, next) : next;
  }
  return round_to(node.type, result);
}

}  // namespace tenon
