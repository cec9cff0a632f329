#include "oracle/expected.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "core/index.h"

namespace tenon {
namespace {

constexpr std::int64_t most_steps = 1 << 28;  // nodes that are visited; some ten seconds
constexpr std::size_t most_axes = 16;
// Of the operations, in units of their result. The functions of f32 are off by more than one.
constexpr double rounding = 0x1p-24, rounding_of_functions = 4 * rounding;

using Position = std::array<std::int64_t, most_axes>;

// A value with the error that f32 may have made up to it.
struct Value {
  double value = 0, error = 0;
};

struct TooLong {};  // thrown

std::int64_t linear(const Shape& shape, const Position& at) {
  std::int64_t result = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    result = result * shape[axis].value() + at[axis];
  return result;
}

Position position_of(const Shape& shape, std::int64_t element) {
  Position at{};
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    at[axis] = element % shape[axis].value();
    element /= shape[axis].value();
  }
  return at;
}

double exact(ScalarOp op, Type type, Type operand, const std::array<double, 3>& of) {
  const bool is_float = info(type).is_float && info(operand).is_float && info(op).on_floats;
  return is_float ? info(op).on_floats(of[0], of[1], of[2])
                  : evaluate(op, type, operand, of[0], of[1], of[2]);
}

bool is_function(ScalarOp op) {
  return op == ScalarOp::exp2 || op == ScalarOp::log2 || op == ScalarOp::sin;
}
// The result is one of the operands, or has no error of its own.
bool is_exact(ScalarOp op) {
  return op == ScalarOp::max || op == ScalarOp::where || op == ScalarOp::bitcast;
}

class Evaluator {
 public:
  Value at(const Node& node, const Position& position) {
    if (++steps_ > most_steps) throw TooLong();
    check(node.shape.size() <= most_axes, "a value has too many axes for the oracle");
    return std::visit([&](const auto& detail) { return of(node, detail, position); }, node.detail);
  }

 private:
  static Value of(const Node& node, const BufferLeaf& leaf, const Position& position) {
    return {element_of(node.type, leaf.buffer->host, linear(node.shape, position))};
  }
  static Value of(const Node&, const ConstantLeaf& constant, const Position&) {
    return {constant.value};
  }
  static Value of(const Node&, const IotaLeaf&, const Position& position) {
    return {static_cast<double>(position[0])};
  }

  // The error of an operand is carried over by computing again with the operand moved by it.
  Value of(const Node& node, const Map& map, const Position& position) {
    std::array<Value, 3> operands;
    std::array<double, 3> values{};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      operands[i] = at(*node.inputs[i], position);
      values[i] = operands[i].value;
    }
    const Type operand = node.inputs.back()->type;
    const auto compute = [&] { return exact(map.op, node.type, operand, values); };
    Value result{compute()};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (operands[i].error == 0) continue;
      double furthest = 0;
      for (const double sign : {-1.0, 1.0}) {
        values[i] = operands[i].value + sign * operands[i].error;
        const double away = std::abs(compute() - result.value);
        furthest =
            std::isnan(away) ? std::numeric_limits<double>::infinity() : std::max(furthest, away);
      }
      values[i] = operands[i].value;
      result.error += furthest;
    }
    if (info(node.type).is_float && !is_exact(map.op))
      result.error +=
          (is_function(map.op) ? rounding_of_functions : rounding) * std::abs(result.value);
    return result;
  }

  Value of(const Node& node, const Reduce& reduce, const Position& position) {
    auto& known = reduced_[&node];
    const auto [entry, is_new] = known.try_emplace(linear(node.shape, position));
    if (!is_new) return entry->second;
    const Value result = reduced(node, reduce, position);
    return reduced_[&node][linear(node.shape, position)] = result;
  }

  // The roundings of a sum of n terms add up like a random walk. The partial sums of terms with
  // any signs are at most about sqrt(n) times the length of the vector of terms.
  Value reduced(const Node& node, const Reduce& reduce, const Position& position) {
    const Node& input = *node.inputs[0];
    Position at_input{};
    std::size_t next = 0;
    std::int64_t terms = 1;
    for (std::size_t axis = 0; axis < input.shape.size(); ++axis) {
      const bool vanishes = std::ranges::count(reduce.axes, static_cast<int>(axis)) > 0;
      if (vanishes)
        terms *= input.shape[axis].value();
      else
        at_input[axis] = position[next++];
    }
    const bool is_sum = reduce.combine == Combine::sum, is_float = info(node.type).is_float;
    const ScalarOp combine = is_sum ? ScalarOp::add : ScalarOp::max;
    Value result{identity(reduce.combine, node.type)};
    double squares = 0, largest_error = 0, errors = 0;
    for (std::int64_t term = 0; term < terms; ++term) {
      std::array<Value, 2> factors{Value{}, Value{1}};
      for (std::size_t i = 0; i < node.inputs.size(); ++i)
        factors[i] = at(*node.inputs[i], at_input);
      const double value = factors[0].value * factors[1].value;
      const double error = std::abs(factors[0].value) * factors[1].error +
                           std::abs(factors[1].value) * factors[0].error;
      result.value = exact(combine, node.type, node.type, {result.value, value, 0});
      squares += value * value;
      errors += error;
      largest_error = std::max(largest_error, error);
      advance(at_input, input.shape, reduce.axes);
    }
    const auto count = static_cast<double>(terms);
    result.error = is_sum ? errors : largest_error;
    if (is_sum && is_float)
      result.error += rounding * (std::sqrt(count) + 4) * std::sqrt(count * squares);
    return result;
  }
  static void advance(Position& at, const Shape& shape, const std::vector<int>& axes) {
    for (std::size_t i = axes.size(); i-- > 0;) {
      if (++at[axes[i]] < shape[axes[i]].value()) return;
      at[axes[i]] = 0;
    }
  }

  Value of(const Node& node, const View& view, const Position& position) {
    const auto axis = [&](Var var) { return position[var]; };
    for (const Range& range : view.inside)
      if (!holds(range, axis)) return {view.fill};
    Position at_input{};
    for (std::size_t i = 0; i < view.map.size(); ++i) {
      const std::optional<Var> var = view.map[i].as_var();
      at_input[i] = var ? position[*var] : evaluate(view.map[i], axis);
    }
    return at(*node.inputs[0], at_input);
  }

  Value of(const Node& node, const Gather& gather, const Position& position) {
    const Node &data = *node.inputs[0], &index = *node.inputs[1];
    const auto axis = static_cast<std::size_t>(gather.axis), picked = index.shape.size();
    Position at_index{}, at_data{};
    for (std::size_t i = 0; i < picked; ++i) at_index[i] = position[axis + i];
    const auto row = static_cast<std::int64_t>(at(index, at_index).value);
    if (row < 0 || row >= data.shape[axis].value()) return {0};
    for (std::size_t i = 0; i < data.shape.size(); ++i)
      at_data[i] = i < axis ? position[i] : i == axis ? row : position[i + picked - 1];
    return at(data, at_data);
  }

  // The updates of the element come in the order of the index, after the base's element.
  Value of(const Node& node, const Scatter& scatter, const Position& position) {
    const Node &index = *node.inputs[1], &update = *node.inputs[2];
    const auto axis = static_cast<std::size_t>(scatter.axis), picked = index.shape.size();
    Position at_update{};
    for (std::size_t i = 0; i < node.shape.size(); ++i)
      if (i != axis) at_update[i < axis ? i : i + picked - 1] = position[i];
    Value result = at(*node.inputs[0], position);
    for (std::int64_t pick = 0; pick < elements(index.shape); ++pick) {
      const Position at_index = position_of(index.shape, pick);
      if (static_cast<std::int64_t>(at(index, at_index).value) != position[axis]) continue;
      for (std::size_t i = 0; i < picked; ++i) at_update[axis + i] = at_index[i];
      const Value next = at(update, at_update);
      if (!scatter.add) {
        result = next;
        continue;
      }
      result.value = exact(ScalarOp::add, node.type, node.type, {result.value, next.value, 0});
      result.error += next.error;
      if (info(node.type).is_float) result.error += rounding * std::abs(result.value);
    }
    return result;
  }

  std::int64_t steps_ = 0;
  std::unordered_map<const Node*, std::unordered_map<std::int64_t, Value>> reduced_;
};

// Samples are spread evenly from the first element to the last.
std::int64_t sampled(std::int64_t sample, std::int64_t samples, std::int64_t elements) {
  if (elements <= samples || samples < 2) return sample;
  const auto part = static_cast<double>(sample) / static_cast<double>(samples - 1);
  return static_cast<std::int64_t>(std::llround(part * static_cast<double>(elements - 1)));
}

}  // namespace

std::optional<std::vector<Expected>> expected_of(const std::vector<Tensor>& outputs,
                                                 std::int64_t samples) try {
  constexpr double margin = 2;
  std::vector<Expected> all;
  Evaluator evaluator;
  for (const Tensor& output : outputs) {
    const Node& node = *output.node();
    Expected& expected = all.emplace_back(Expected{node.type, {}, 0});
    const std::int64_t count = elements(node.shape);
    for (std::int64_t sample = 0; sample < std::min(count, samples); ++sample) {
      const std::int64_t element = sampled(sample, samples, count);
      const Value right = evaluator.at(node, position_of(node.shape, element));
      expected.samples.push_back({element, right.value, margin * right.error});
      expected.tolerance = std::max(expected.tolerance, margin * right.error);
    }
  }
  return all;
} catch (const TooLong&) {
  return {};
}

void widen(Expected& expected, double least_tolerance) {
  for (Sample& sample : expected.samples)
    sample.tolerance = std::max(sample.tolerance, least_tolerance);
  expected.tolerance = std::max(expected.tolerance, least_tolerance);
}

double element_of(Type type, const void* data, std::int64_t element) {
  if (type == Type::f32) return static_cast<const float*>(data)[element];
  if (type == Type::i32) return static_cast<const std::int32_t*>(data)[element];
  return static_cast<const std::uint8_t*>(data)[element];
}

}  // namespace tenon
