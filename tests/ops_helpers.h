// What the tests of ops share: tensors on the interpreter, and gradients held against finite
// differences.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include "core/tensor.h"
#include "ops/arithmetic.h"
#include "ops/gradient.h"
#include "ops/reductions.h"
#include "oracle/interpret_executor.h"

namespace tenon {

using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;
using Bools = std::vector<std::uint8_t>;

inline Tensor floats(Executor& executor, const Shape& shape, const Floats& values) {
  REQUIRE(elements(shape) == static_cast<std::int64_t>(values.size()));
  return from_bytes(executor, Type::f32, shape, values.data());
}
inline Tensor ints(Executor& executor, const Shape& shape, const Ints& values) {
  REQUIRE(elements(shape) == static_cast<std::int64_t>(values.size()));
  return from_bytes(executor, Type::i32, shape, values.data());
}
inline Tensor bools(Executor& executor, const Shape& shape, const Bools& values) {
  REQUIRE(elements(shape) == static_cast<std::int64_t>(values.size()));
  return from_bytes(executor, Type::boolean, shape, values.data());
}

// Values without a pattern in [low, high], from a linear congruential generator; no two are equal.
inline Floats sample(std::int64_t count, double low = -1, double high = 1, unsigned seed = 1) {
  Floats values;
  std::uint32_t state = seed * 2654435761u;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(low + (high - low) * (state >> 8) * 0x1p-24));
  }
  return values;
}

inline void check_close(const Floats& found, const std::vector<double>& expected,
                        double tolerance) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    const double allowed = tolerance * std::max(1.0, std::fabs(expected[i]));
    if (std::isnan(expected[i]))
      CHECK(std::isnan(found[i]));
    else if (std::isinf(expected[i]))
      CHECK(found[i] == expected[i]);
    else
      CHECK(std::fabs(found[i] - expected[i]) <= allowed);
  }
}

// An input of a function whose gradient is checked.
struct Argument {
  Shape shape;
  Floats values;
};
using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// The sum of x's elements, each times a weight of its own, so that no two gradients cancel.
inline Tensor weighted_sum(const Tensor& x, unsigned seed) {
  return sum(x * floats(x.executor(), x.shape(), sample(elements(x.shape()), 0.5, 1.5, seed)));
}

// d(scalar)/d(argument) by central differences of two widths, combined so that the error by the
// third derivative vanishes.
inline std::vector<double> differences(const std::function<double()>& scalar, Floats& values) {
  constexpr double step = 0x1p-5;
  std::vector<double> slopes;
  for (float& value : values) {
    const float centre = value;
    const auto slope = [&](double width) {
      value = static_cast<float>(centre + width);
      const double right = scalar(), right_at = value;
      value = static_cast<float>(centre - width);
      const double left = scalar(), left_at = value;
      value = centre;
      return (right - left) / (right_at - left_at);
    };
    slopes.push_back((4 * slope(step) - slope(2 * step)) / 3);
  }
  return slopes;
}

// Checks the first and the second gradients of `function` at `arguments`, within `tolerance` of
// what differences give.
inline void check_gradients(const Function& function, std::vector<Argument> arguments,
                            double tolerance = 2e-3) {
  InterpretExecutor executor;
  const auto made = [&] {
    std::vector<Tensor> inputs;
    for (const Argument& argument : arguments)
      inputs.push_back(floats(executor, argument.shape, argument.values));
    return inputs;
  };
  const auto value = [&](const std::vector<Tensor>& inputs) {
    return weighted_sum(function(inputs), 7);
  };
  const auto slope = [&](const std::vector<Tensor>& inputs) {
    Tensor total;
    for (const Tensor& gradient : gradients(value(inputs), inputs)) {
      const Tensor part = weighted_sum(gradient, 11);
      total = total.is_empty() ? part : total + part;
    }
    return total;
  };
  for (int order = 1; order <= 2; ++order) {
    CAPTURE(order);
    const auto scalar = [&](const std::vector<Tensor>& inputs) {
      return order == 1 ? value(inputs) : slope(inputs);
    };
    const std::vector<Tensor> inputs = made();
    const std::vector<Tensor> found = gradients(scalar(inputs), inputs);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      CAPTURE(i);
      REQUIRE(found[i].shape() == arguments[i].shape);
      const std::vector<double> expected = differences(
          [&] { return static_cast<double>(scalar(made()).item<float>()); }, arguments[i].values);
      check_close(found[i].to_vector<float>(), expected, tolerance);
    }
  }
}

// The same for a function of one element, at each of these places.
inline void check_gradients_at(const std::function<Tensor(const Tensor&)>& function,
                               const Floats& at, double tolerance = 2e-3) {
  check_gradients([&](const std::vector<Tensor>& x) { return function(x[0]); },
                  {{{static_cast<std::int64_t>(at.size())}, at}}, tolerance);
}

}  // namespace tenon
