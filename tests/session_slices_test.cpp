// A kernel gets the address where the part of an input that it reads begins. So reads at many
// places, as by the steps of an unrolled loop, are one kernel.
#include <doctest/doctest.h>

#include <cmath>

#include "core/ranges.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "oracle/interpret_executor.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

std::vector<float> wave(std::int64_t count, float scale) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = scale * std::sin(static_cast<float>(i) * .7F);
  return values;
}

Tensor tensor(Executor& executor, const Shape& shape, float scale) {
  return from_bytes(executor, Type::f32, shape, wave(elements(shape), scale).data());
}

// A recurrent network over `steps` steps: h = tanh(x[t] W + h U). Returns the loss, and its
// gradients if they are asked for.
std::vector<Tensor> network(Executor& executor, std::int64_t steps, int time_axis,
                            bool with_gradients) {
  constexpr std::int64_t batch = 4, width = 8;
  const Shape shape = time_axis == 0 ? Shape{steps, batch, width} : Shape{batch, steps, width};
  const Tensor x = tensor(executor, shape, 1), w = tensor(executor, {width, width}, .5F),
               u = tensor(executor, {width, width}, .4F);
  Tensor h = tensor(executor, {batch, width}, .1F);
  for (std::int64_t t = 0; t < steps; ++t) {
    std::vector<Slice> slices(2);
    slices[time_axis] = {t, t + 1};
    h = tanh(matmul(reshape(slice(x, slices), {batch, width}), w) + matmul(h, u));
  }
  const Tensor loss = sum(h * h);
  if (!with_gradients) return {loss};
  std::vector<Tensor> all = gradients(loss, std::vector<Tensor>{x, w, u});
  all.push_back(loss);
  return all;
}

struct Outcome {
  std::int64_t compiled;
  double worst;  // difference from the interpreter, relative to the largest value
};

Outcome outcome_of(std::int64_t steps, int time_axis, bool with_gradients) {
  Session session({.cache = ""});
  InterpretExecutor oracle;
  const std::vector<Tensor> is = network(session, steps, time_axis, with_gradients),
                            should_be = network(oracle, steps, time_axis, with_gradients);
  realize(is);
  double worst = 0;
  for (std::size_t i = 0; i < is.size(); ++i) {
    const auto values = is[i].to_vector<float>(), expected = should_be[i].to_vector<float>();
    double largest = 1e-30;
    for (const float value : expected) largest = std::max<double>(largest, std::abs(value));
    for (std::size_t at = 0; at < values.size(); ++at)
      worst = std::max(worst, std::abs(values[at] - expected[at]) / largest);
  }
  return {session.statistics().compiled, worst};
}

}  // namespace

TEST_CASE("an unrolled recurrent network compiles a few kernels, however long it is") {
  for (const int time_axis : {0, 1}) {
    CAPTURE(time_axis);
    const Outcome forward = outcome_of(96, time_axis, false);
    CHECK(forward.compiled <= 6);
    CHECK(forward.worst < 1e-4);
    const Outcome both = outcome_of(96, time_axis, true);
    CHECK(both.compiled <= 20);
    CHECK(both.worst < 1e-4);
  }
}
