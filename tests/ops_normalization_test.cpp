#include "ops/normalization.h"

#include "core/error.h"
#include "ops/functions.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

std::vector<double> log_softmax_of(const Floats& x, std::size_t columns) {
  std::vector<double> result;
  for (std::size_t start = 0; start < x.size(); start += columns) {
    double total = 0;
    for (std::size_t i = start; i < start + columns; ++i) total += std::exp(double{x[i]});
    for (std::size_t i = start; i < start + columns; ++i) result.push_back(x[i] - std::log(total));
  }
  return result;
}

}  // namespace

TEST_CASE("softmax and its logarithm") {
  InterpretExecutor executor;
  const Floats values = sample(12, -5, 5);
  const Tensor x = floats(executor, {3, 4}, values);
  std::vector<double> expected = log_softmax_of(values, 4);
  check_close(log_softmax(x).to_vector<float>(), expected, 1e-6);
  for (double& value : expected) value = std::exp(value);
  check_close(softmax(x).to_vector<float>(), expected, 1e-6);
  check_close(sum(softmax(x, 0), 0).to_vector<float>(), {1, 1, 1, 1}, 1e-6);
  CHECK(softmax(floats(executor, {0, 4}, {})).shape() == Shape{0, 4});
  CHECK(softmax(floats(executor, {2, 1}, {5, -5})).to_vector<float>() == Floats{1, 1});
}

TEST_CASE("softmax survives large logits") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {3}, {1000, 0, -INFINITY});
  CHECK(softmax(x).to_vector<float>() == Floats{1, 0, 0});
  check_close(log_softmax(x).to_vector<float>(), {0, -1000, -INFINITY}, 0);
  const Tensor far = floats(executor, {1, 3}, {100, -100, 0});
  const Tensor loss = cross_entropy(far, ints(executor, {1}, {1}));
  check_close(gradients(loss, {{far}})[0].to_vector<float>(), {1, -1, 0}, 1e-6);
  CHECK(loss.item<float>() == 200);
}

TEST_CASE("layernorm over one axis or several") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 2, 2}, {1, 3, 5, 9, 0, 0, -1, 1});
  check_close(layernorm(x, -1, 0.01).to_vector<float>(),
              {-1 / std::sqrt(1.01), 1 / std::sqrt(1.01), -2 / std::sqrt(4.01), 2 / std::sqrt(4.01),
               0, 0, -1 / std::sqrt(1.01), 1 / std::sqrt(1.01)},
              1e-6);
  const Tensor whole = layernorm(x, {1, 2});
  check_close(mean(whole, {1, 2}).to_vector<float>(), {0, 0}, 1e-6);
  check_close(var(whole, {1, 2}).to_vector<float>(), {1, 1}, 1e-4);
}

TEST_CASE("cross-entropy is the mean of what log_softmax gives at the labels") {
  InterpretExecutor executor;
  const Floats values = sample(12, -2, 2);
  const std::vector<double> logs = log_softmax_of(values, 4);
  const Tensor logits = floats(executor, {3, 4}, values);
  const Tensor loss = cross_entropy(logits, ints(executor, {3}, {2, 0, 3}));
  CHECK(loss.shape() == Shape{});
  check_close({loss.item<float>()}, {-(logs[2] + logs[4] + logs[11]) / 3}, 1e-6);
}

TEST_CASE("a label that is no class makes the loss NaN") {
  InterpretExecutor executor;
  const Tensor logits = floats(executor, {3, 4}, sample(12, -2, 2));
  for (const int label : {-1, 4, INT32_MIN, INT32_MAX})
    CHECK(std::isnan(cross_entropy(logits, ints(executor, {3}, {2, label, 0})).item<float>()));
}

TEST_CASE("layernorm of numbers whose squares overflow") {
  InterpretExecutor executor;
  for (const float size : {1e18F, 1e20F, 1e30F, 1e31F}) {
    const Tensor x = floats(executor, {1, 4}, {0, size, size + size, -size + size + size + size});
    CAPTURE(size);
    const Floats expected =
        layernorm(floats(executor, {1, 4}, {0, 1, 2, 2}), -1, 0).to_vector<float>();
    check_close(layernorm(x).to_vector<float>(), {expected.begin(), expected.end()}, 1e-6);
    const Tensor weights = floats(executor, {4}, {0.1F, 0.5F, -0.2F, 0.7F});
    for (const float slope : gradients(sum(layernorm(x) * weights), {{x}})[0].to_vector<float>())
      CHECK(std::isfinite(slope));
  }
  const Floats ramp =
      layernorm(floats(executor, {1, 4}, {0, 1e30F, 2e30F, 3e30F})).to_vector<float>();
  CHECK(ramp[0] == doctest::Approx(-1.3416407));
  CHECK(ramp[3] == doctest::Approx(1.3416407));
}

TEST_CASE("gradients of normalizations") {
  const Argument x{{2, 3}, sample(6, -2, 2)};
  check_gradients([](const auto& in) { return softmax(in[0]); }, {x});
  check_gradients([](const auto& in) { return softmax(in[0], 0); }, {x});
  check_gradients([](const auto& in) { return log_softmax(in[0]); }, {x});
  check_gradients([](const auto& in) { return layernorm(in[0], -1, 0.1); }, {x}, 5e-3);
  check_gradients(
      [](const auto& in) { return cross_entropy(in[0], ints(in[0].executor(), {2}, {2, 0})); },
      {x});
}

TEST_CASE("normalizations say what does not fit") {
  InterpretExecutor executor;
  const Tensor logits = floats(executor, {3, 4}, sample(12));
  CHECK_THROWS_WITH_AS(cross_entropy(logits, ints(executor, {4}, {0, 1, 2, 3})),
                       "cross_entropy: labels i32[4] do not fit logits [3,4]; one i32 label is "
                       "needed for each row",
                       Error);
  CHECK_THROWS_WITH_AS(softmax(floats(executor, {3, 0}, {})),
                       "softmax: axis 1 of [3,0] has no elements; there is nothing to normalize",
                       Error);
  CHECK_THROWS_WITH_AS(softmax(logits, 2), "softmax: there is no axis 2 in [3,4]; axes are -2 to 1",
                       Error);
  CHECK_THROWS_WITH_AS(log_softmax(ints(executor, {2}, {1, 2})),
                       "log_softmax: needs f32, got i32[2]; cast it first", Error);
}
