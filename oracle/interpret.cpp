#include "oracle/interpret.h"

#include <functional>
#include <numeric>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

using Values = std::vector<double>;
using Position = std::vector<std::int64_t>;

// Calls visit with an element of the C++ type that holds elements of `type` in memory.
template <typename Visit>
void with_element(Type type, Visit&& visit) {
  if (type == Type::f32) visit(float{});
  if (type == Type::i32) visit(std::int32_t{});
  if (type == Type::boolean) visit(std::uint8_t{});
}

// Calls visit(position, linear) for every element, row-major.
void for_each_element(const Shape& shape,
                      const std::function<void(const Position&, std::int64_t)>& visit) {
  Position position(shape.size(), 0);
  const std::int64_t count = elements(shape);
  for (std::int64_t linear = 0; linear < count; linear++) {
    visit(position, linear);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++position[axis] < shape[axis].value()) break;
      position[axis] = 0;
    }
  }
}

// A node and the values of its inputs; leaves with values are read through `device`.
struct Task {
  const Node& node;
  Device& device;
  std::vector<const Values*> inputs = {};

  const Shape& shape(int input) const { return node.inputs[input]->shape; }
  double at(int input, std::int64_t linear) const { return (*inputs[input])[linear]; }
};

Values compute(const Task& task, const BufferLeaf&) {
  Values values;
  with_element(task.node.type, [&]<typename T>(T) {
    std::vector<T> memory(elements(task.node.shape));
    task.device.read(*current_buffer(task.node), memory.data());
    values.assign(memory.begin(), memory.end());
  });
  return values;
}

Values compute(const Task&, const ConstantLeaf& constant) { return {constant.value}; }

Values compute(const Task& task, const IotaLeaf&) {
  Values result(elements(task.node.shape));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

Values compute(const Task& task, const Map& map) {
  const Type operand = task.node.inputs.back()->type;
  Values result(elements(task.node.shape));
  for (std::size_t i = 0; i < result.size(); i++) {
    double operands[3] = {};
    for (std::size_t input = 0; input < task.inputs.size(); input++)
      operands[input] = task.at(static_cast<int>(input), static_cast<std::int64_t>(i));
    result[i] = evaluate(map.op, task.node.type, operand, operands[0], operands[1], operands[2]);
  }
  return result;
}

// One operation on values of a type. Floats are not rounded, because accumulation is in double.
// Integers wrap.
double exact(ScalarOp op, Type type, double a, double b) {
  return info(type).is_float ? info(op).on_floats(a, b, 0) : evaluate(op, type, type, a, b, 0);
}

Values compute(const Task& task, const Reduce& reduce) {
  const Type type = task.node.type;
  const ScalarOp combine = reduce.combine == Combine::max ? ScalarOp::max : ScalarOp::add;
  std::vector<std::int64_t> steps = strides(task.node.shape);  // 0 for reduced axes
  for (const int axis : reduce.axes) steps.insert(steps.begin() + axis, 0);
  Values result(elements(task.node.shape), identity(reduce.combine, type));
  for_each_element(task.shape(0), [&](const Position& position, std::int64_t linear) {
    const std::int64_t target =
        std::inner_product(position.begin(), position.end(), steps.begin(), std::int64_t{0});
    double value = task.at(0, linear);
    if (task.inputs.size() == 2) value = exact(ScalarOp::mul, type, value, task.at(1, linear));
    result[target] = exact(combine, type, result[target], value);
  });
  for (double& value : result) value = round_to(type, value);
  return result;
}

Values compute(const Task& task, const View& view) {
  const std::vector<std::int64_t> steps = strides(task.shape(0));
  Values result(elements(task.node.shape), view.fill);
  for_each_element(task.node.shape, [&](const Position& position, std::int64_t linear) {
    const auto at = [&](Var axis) { return position[axis]; };
    if (!std::ranges::all_of(view.inside, [&](const Range& r) { return holds(r, at); })) return;
    std::int64_t source = 0;
    for (std::size_t axis = 0; axis < steps.size(); axis++) {
      const std::int64_t index = evaluate(view.map[axis], at);
      check(index >= 0 && index < task.shape(0)[axis].value(), "a view reads outside its input");
      source += index * steps[axis];
    }
    result[linear] = task.at(0, source);
  });
  return result;
}

// Calls visit(data, picked) for every element that a Gather or Scatter picks. `data` is its linear
// position in the indexed tensor, which has this shape, or -1 if the index is outside. `picked` is
// its position in the tensor that has the axes of the index in place of `axis`.
void for_each_pick(const Shape& shape, int axis, const Values& index,
                   const std::function<void(std::int64_t, std::int64_t)>& visit) {
  const std::int64_t outers = elements(Shape(shape.begin(), shape.begin() + axis));
  const std::int64_t extent = shape[axis].value(), inners = strides(shape)[axis];
  std::int64_t picked = 0;
  for (std::int64_t outer = 0; outer < outers; outer++)
    for (const double at : index) {
      const auto row = static_cast<std::int64_t>(at);
      const bool inside = row >= 0 && row < extent;
      for (std::int64_t inner = 0; inner < inners; inner++)
        visit(inside ? (outer * extent + row) * inners + inner : -1, picked++);
    }
}

Values compute(const Task& task, const Gather& gather) {
  Values result(elements(task.node.shape), 0);
  for_each_pick(task.shape(0), gather.axis, *task.inputs[1],
                [&](std::int64_t data, std::int64_t picked) {
                  if (data >= 0) result[picked] = task.at(0, data);
                });
  return result;
}

Values compute(const Task& task, const Scatter& scatter) {
  const Type type = task.node.type;
  Values result = *task.inputs[0];
  for_each_pick(task.shape(0), scatter.axis, *task.inputs[1],
                [&](std::int64_t data, std::int64_t picked) {
                  if (data < 0) return;
                  const double update = task.at(2, picked);
                  double& to = result[data];
                  to = scatter.add ? exact(ScalarOp::add, type, to, update) : update;
                });
  for (double& value : result) value = round_to(type, value);
  return result;
}

}  // namespace

std::vector<Values> interpret(std::span<const NodeRef> nodes, Device& device,
                              const NodeTable* table) {
  const NodeOrder order = in_order(nodes, table);
  std::vector<Values> values;
  const auto value_of = [&](const NodeRef& node) { return values[order.place(node)]; };
  for (const NodeRef& node : order.nodes) {
    Task task{*node, device};
    for (const NodeRef& input : node->inputs) task.inputs.push_back(&values[order.place(input)]);
    values.push_back(
        std::visit([&](const auto& detail) { return compute(task, detail); }, node->detail));
  }
  return mapped(nodes, value_of);
}

std::vector<BufferRef> interpret_to_buffers(std::span<const NodeRef> nodes, Device& device,
                                            const NodeTable& table) {
  std::vector<BufferRef> buffers;
  for (const Values& values : interpret(nodes, device, &table)) {
    const Node& node = *nodes[buffers.size()];
    buffers.push_back(device.allocate(bytes(node.type, node.shape)));
    with_element(node.type, [&]<typename T>(T) {
      const std::vector<T> memory(values.begin(), values.end());
      device.write(*buffers.back(), memory.data());
    });
  }
  return buffers;
}

}  // namespace tenon
