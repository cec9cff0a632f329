#include "core/interpret.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "core/error.h"

namespace tenon {
namespace {

using Values = std::vector<double>;
using Position = std::vector<std::int64_t>;

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

Values read(const Node& leaf, Device& device) {
  const std::int64_t count = elements(leaf.shape);
  std::vector<std::byte> bytes(count * info(leaf.type).bytes);
  device.read(*current_buffer(leaf), bytes.data());
  Values values(count);
  const auto convert = [&]<typename T>(T element) {
    for (std::int64_t i = 0; i < count; i++) {
      std::memcpy(&element, &bytes[i * sizeof(T)], sizeof(T));
      values[i] = element;
    }
  };
  switch (leaf.type) {
    case Type::f32:
      convert(float{});
      break;
    case Type::i32:
      convert(std::int32_t{});
      break;
    case Type::boolean:
      convert(std::uint8_t{});
      break;
  }
  return values;
}

// The values of the inputs, and the node that is computed from them.
struct Task {
  const Node& node;
  std::vector<const Values*> inputs;

  const Shape& shape(int input) const { return node.inputs[input]->shape; }
  double at(int input, std::int64_t linear) const { return (*inputs[input])[linear]; }
};

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

Values compute(const Task& task, const Reduce& reduce) {
  const Type type = task.node.type;
  const bool wraps = !info(type).is_float;
  std::vector<std::int64_t> steps(task.shape(0).size(), 0);  // result elements, 0 for reduced axes
  std::int64_t step = 1;
  for (int axis = static_cast<int>(steps.size()); axis-- > 0;) {
    bool reduced = false;
    for (const int other : reduce.axes) reduced = reduced || other == axis;
    if (reduced) continue;
    steps[axis] = step;
    step *= task.shape(0)[axis].value();
  }
  Values result(elements(task.node.shape), identity(reduce.combine, type));
  for_each_element(task.shape(0), [&](const Position& position, std::int64_t linear) {
    std::int64_t target = 0;
    for (std::size_t axis = 0; axis < steps.size(); axis++) target += position[axis] * steps[axis];
    double value = task.at(0, linear);
    if (task.inputs.size() == 2) {
      const double other = task.at(1, linear);
      value = wraps ? evaluate(ScalarOp::mul, type, type, value, other, 0) : value * other;
    }
    double& total = result[target];
    if (reduce.combine == Combine::max)
      total = evaluate(ScalarOp::max, type, type, total, value, 0);
    else
      total = wraps ? evaluate(ScalarOp::add, type, type, total, value, 0) : total + value;
  });
  for (double& value : result) value = round_to(type, value);
  return result;
}

Values compute(const Task& task, const View& view) {
  const std::vector<std::int64_t> steps = strides(task.shape(0));
  Values result(elements(task.node.shape), view.fill);
  for_each_element(task.node.shape, [&](const Position& position, std::int64_t linear) {
    const auto at = [&](Var axis) { return position[axis]; };
    for (const Range& range : view.inside) {
      const std::int64_t value = evaluate(range.index, at);
      if (value < range.low || value >= range.high) return;
    }
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

// An axis and what lies around it: shape = [outer.., extent, inner..].
struct Around {
  std::int64_t outer = 1, extent, inner = 1;

  Around(const Shape& shape, int axis) : extent(shape[axis].value()) {
    for (int i = 0; i < axis; i++) outer *= shape[i].value();
    for (std::size_t i = axis + 1; i < shape.size(); i++) inner *= shape[i].value();
  }
};

// Calls visit(data, picked) with the linear positions in the tensor that is indexed and in the one
// that has the index's shape at the axis; data is -1 where the index is outside.
void for_each_pick(const Around& around, const Values& index,
                   const std::function<void(std::int64_t, std::int64_t)>& visit) {
  const auto count = static_cast<std::int64_t>(index.size());
  for (std::int64_t outer = 0; outer < around.outer; outer++)
    for (std::int64_t j = 0; j < count; j++)
      for (std::int64_t inner = 0; inner < around.inner; inner++) {
        const auto row = static_cast<std::int64_t>(index[j]);
        const bool inside = row >= 0 && row < around.extent;
        const std::int64_t data = (outer * around.extent + row) * around.inner + inner;
        visit(inside ? data : -1, (outer * count + j) * around.inner + inner);
      }
}

Values compute(const Task& task, const Gather& gather) {
  Values result(elements(task.node.shape), 0);
  for_each_pick({task.shape(0), gather.axis}, *task.inputs[1],
                [&](std::int64_t data, std::int64_t picked) {
                  if (data >= 0) result[picked] = task.at(0, data);
                });
  return result;
}

Values compute(const Task& task, const Scatter& scatter) {
  const Type type = task.node.type;
  Values result = *task.inputs[0];
  for_each_pick(
      {task.shape(0), scatter.axis}, *task.inputs[1], [&](std::int64_t data, std::int64_t picked) {
        if (data < 0) return;
        const double update = task.at(2, picked);
        if (!scatter.add)
          result[data] = update;
        else
          result[data] =
              info(type).is_float ? result[data] + update : round_to(type, result[data] + update);
      });
  for (double& value : result) value = round_to(type, value);
  return result;
}

Values compute(const Task&, const ConstantLeaf& constant) { return {constant.value}; }

Values compute(const Task& task, const IotaLeaf&) {
  Values result(elements(task.node.shape));
  for (std::size_t i = 0; i < result.size(); i++) result[i] = static_cast<double>(i);
  return result;
}

Values compute(const Task&, const BufferLeaf&) {
  check(false, "a leaf with values is read, not computed");
  return {};
}

// The values of nodes that were visited. Nodes are kept alive by those who asked.
class Interpreter {
 public:
  Interpreter(Device& device, const NodeTable* table) : device_(device), table_(table) {}

  // The nodes below are computed first, with a stack of our own: graphs may be deep.
  const Values& value(const Node& root) {
    std::vector<const Node*> open{&root};
    while (!open.empty()) {
      const Node& node = *open.back();
      const std::size_t before = open.size();
      if (!values_.contains(&node)) visit(node, open);
      if (open.size() == before) open.pop_back();
    }
    return values_.at(&root);
  }

 private:
  // Computes the node, or opens the inputs that it lacks.
  void visit(const Node& node, std::vector<const Node*>& open) {
    const NodeRef leaf = table_ ? table_->realized(node) : nullptr;
    if (leaf || node.as<BufferLeaf>()) {
      values_[&node] = read(leaf ? *leaf : node, device_);
      return;
    }
    const std::size_t before = open.size();
    for (const NodeRef& input : node.inputs)
      if (!values_.contains(input.get())) open.push_back(input.get());
    if (open.size() != before) return;
    Task task{node, {}};
    for (const NodeRef& input : node.inputs) task.inputs.push_back(&values_.at(input.get()));
    values_[&node] =
        std::visit([&](const auto& detail) { return compute(task, detail); }, node.detail);
  }

  Device& device_;
  const NodeTable* table_;
  std::unordered_map<const Node*, Values> values_;
};

}  // namespace

std::vector<std::vector<double>> interpret(std::span<const NodeRef> nodes, Device& device,
                                           const NodeTable* table) {
  Interpreter interpreter(device, table);
  std::vector<std::vector<double>> result;
  result.reserve(nodes.size());
  for (const NodeRef& node : nodes) result.push_back(interpreter.value(*node));
  return result;
}

}  // namespace tenon
