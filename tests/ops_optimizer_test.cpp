#include "ops/optimizer.h"

#include "core/error.h"
#include "ops/functions.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

const Floats start{1, -2, 0.5F};
const Floats target{3, 1, -1};

// The loss: the sum of (w - target)^2 + 0.1 w^4. Below it, its slope at an element.
Tensor loss_of(const Tensor& w) {
  const Tensor goal = floats(w.executor(), {3}, target);
  return sum(square(w - goal) + 0.1 * square(square(w)));
}
double slope_of(double w, double goal) { return 2 * (w - goal) + 0.4 * w * w * w; }

}  // namespace

TEST_CASE("Adam is its paper's loop") {
  InterpretExecutor executor;
  Tensor w = floats(executor, {3}, start);
  Adam adam({&w}, {.rate = 0.1});
  std::vector<double> value(start.begin(), start.end()), first(3), second(3);
  for (int step = 1; step <= 5; ++step) {
    adam.step(loss_of(w));
    for (int i = 0; i < 3; ++i) {
      const double slope = slope_of(value[i], target[i]);
      first[i] = 0.9 * first[i] + 0.1 * slope;
      second[i] = 0.999 * second[i] + 0.001 * slope * slope;
      const double mean = first[i] / (1 - std::pow(0.9, step));
      const double square = second[i] / (1 - std::pow(0.999, step));
      value[i] -= 0.1 * mean / (std::sqrt(square) + 1e-8);
    }
    check_close(w.to_vector<float>(), value, 1e-5);
  }
}

TEST_CASE("gradient descent with momentum, and a rate that changes") {
  InterpretExecutor executor;
  Tensor w = floats(executor, {3}, start);
  Sgd sgd({&w}, {.rate = 0.02, .momentum = 0.9});
  std::vector<double> value(start.begin(), start.end()), velocity(3);
  for (int step = 1; step <= 5; ++step) {
    const double rate = step < 3 ? 0.02 : 0.01;
    sgd.set_rate(rate);
    sgd.step(loss_of(w));
    for (int i = 0; i < 3; ++i) {
      velocity[i] = 0.9 * velocity[i] + slope_of(value[i], target[i]);
      value[i] -= rate * velocity[i];
    }
    check_close(w.to_vector<float>(), value, 1e-5);
  }
}

TEST_CASE("the graph is as flat after many steps as after one") {
  InterpretExecutor executor;
  Tensor w = floats(executor, {3}, start), b = floats(executor, {}, {0});
  Adam adam({&w, &b}, {.rate = 0.05});
  std::size_t after_first = 0;
  float loss = 0;
  for (int step = 0; step < 200; ++step) {
    const Tensor current = loss_of(w + b);
    adam.step(current);
    loss = current.item<float>();
    if (step == 1) after_first = executor.nodes().size();
  }
  CHECK(executor.nodes().size() <= after_first);
  CHECK(loss < 4.5);
  CHECK(w.node()->as<BufferLeaf>() != nullptr);
}

TEST_CASE("the steps after the first have the same structure") {
  InterpretExecutor executor;
  Tensor w = floats(executor, {3}, start);
  Sgd sgd({&w});
  const Tensor before = w;
  sgd.step(loss_of(w));
  CHECK(w.node() != before.node());
  CHECK(before.to_vector<float>() == start);  // a handle keeps the old value alive
}

TEST_CASE("parameters that begin equal are improved each by its own gradient") {
  InterpretExecutor executor;
  Tensor a = constant(executor, Type::f32, 0), b = constant(executor, Type::f32, 0);
  Sgd sgd({&a, &b}, {.rate = 1});
  sgd.step(a + b * 3.0);
  CHECK(a.item<float>() == -1);
  CHECK(b.item<float>() == -3);
}

TEST_CASE("optimizers say what they need") {
  InterpretExecutor executor;
  Tensor whole = ints(executor, {2}, {1, 2});
  CHECK_THROWS_WITH_AS(Adam({&whole}), "Adam: a parameter is i32[2]; all must be f32", Error);
  CHECK_THROWS_WITH_AS(Sgd({}), "Sgd: no parameters; name at least one to improve", Error);
}
