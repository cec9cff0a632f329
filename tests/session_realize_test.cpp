// The session as an executor: values, what is compiled and what is not, memory, assignments.
#include <doctest/doctest.h>

#include <malloc.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/optimizer.h"
#include "ops/reductions.h"
#include "ops/views.h"
#include "oracle/interpret_executor.h"
#include "session_support.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

SessionOptions in_memory(int threads = 1) {
  SessionOptions options;
  options.threads = threads;
  options.cache = "";
  return options;
}

std::vector<float> ramp(std::size_t count, float step = 0.25F) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = step * static_cast<float>(i % 7) - 0.5F;
  return values;
}

}  // namespace

TEST_CASE("a graph gives the interpreter's values") {
  Session compiled(in_memory(2));
  InterpretExecutor oracle;
  const auto values = [&](Executor& executor) {
    const Tensor a = from_bytes(executor, Type::f32, {6, 5}, ramp(6 * 5).data());
    const Tensor w = from_bytes(executor, Type::f32, {5, 3}, ramp(5 * 3).data());
    return softmax(relu(matmul(a, w)), -1).to_vector<float>();
  };
  const auto got = values(compiled), expected = values(oracle);
  REQUIRE(got.size() == 18);
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}

TEST_CASE("a graph of the same structure is neither planned nor lowered again") {
  Session session(in_memory());
  std::int64_t lowered = 0, compiled = 0;
  for (int step = 0; step < 5; ++step) {
    const Tensor x = session.tensor(ramp(32, 0.5F * static_cast<float>(step)), {32});
    const auto y = (x * x + x).to_vector<float>();
    CHECK(y[3] == doctest::Approx(std::pow(1.5 * step - 0.5, 2) + 1.5 * step - 0.5));
    if (step == 0) {
      lowered = session.statistics().lowered;
      compiled = session.statistics().compiled;
    }
  }
  CHECK(lowered >= 1);
  CHECK(session.statistics().plans == 1);
  CHECK(session.statistics().lowered == lowered);
  CHECK(session.statistics().compiled == compiled);
  CHECK(session.statistics().launches == 5 * compiled);
}

TEST_CASE("a plan does not depend on what is realized beside its graph") {
  Session session(in_memory());
  const Tensor x = session.tensor(std::vector<float>{3}, {1, 1});
  const auto expression = [&] { return expand(constant(session, Type::f32, 0), {1, 1}); };
  // The graph rules make the same node: they turn a sum of one product into the product + 0.
  const Tensor zero = expression(), keeps_the_node = expression();
  zero.realize();
  CHECK(matmul(x, zero).item<float>() == 0);
  const Tensor two = session.tensor(std::vector<float>{2}, {1, 1});
  CHECK(matmul(x, two).item<float>() == 6);
}

TEST_CASE("the same kernel in another graph is not compiled again") {
  Session session(in_memory());
  const Tensor x = session.tensor(ramp(32), {32}), y = session.tensor(ramp(32), {32});
  (x + y).realize();
  const std::int64_t compiled = session.statistics().compiled;
  const Tensor sums[] = {y + x, x + x};
  realize(sums);
  CHECK(session.statistics().plans == 2);
  (y + x).realize();  // realized already
  CHECK(session.statistics().plans == 2);
  CHECK(session.statistics().compiled <= compiled + 1);
}

TEST_CASE("a training loop compiles once and holds flat memory") {
  Session session(in_memory());
  Tensor w = session.tensor(ramp(8 * 4), {8, 4});
  Tensor rate = session.tensor(std::vector<float>{0.01F}, {});
  w.realize();
  std::int64_t compiled = 0;
  std::size_t nodes = 0, bytes = 0;
  float first_loss = 0, last_loss = 0;
  for (int step = 0; step < 60; ++step) {
    const Tensor x = session.tensor(ramp(16 * 8, 0.125F), {16, 8});
    const Tensor target = session.tensor(ramp(16 * 4, 0.1F), {16, 4});
    const Tensor error = matmul(x, w) - target;
    const Tensor loss = reduce(Combine::sum, error * error, {0, 1});
    const Tensor of[] = {w};
    const Tensor slope = gradients(loss, of)[0];
    const Tensor next = w - slope * expand(reshape(rate, {1, 1}), {8, 4});
    const Tensor both[] = {loss, next};
    realize(both);
    w.assign(next);
    last_loss = loss.item<float>();
    if (step == 0) first_loss = last_loss;
    if (step == 20) {
      compiled = session.statistics().compiled;
      nodes = session.nodes().size();
      bytes = mallinfo2().uordblks;
    }
    if (step > 20) {
      CHECK(session.statistics().compiled == compiled);
      CHECK(session.nodes().size() == nodes);
      CHECK(mallinfo2().uordblks <= bytes + 4096);
    }
  }
  CHECK(last_loss < first_loss);
}

TEST_CASE("assign gives the memory a new version") {
  Session session(in_memory());
  Tensor x = session.tensor(std::vector<float>{1, 2, 3}, {3});
  const Tensor old_twice = x + x;
  x.assign(x * x);
  CHECK(x.to_vector<float>() == std::vector<float>{1, 4, 9});
  CHECK_THROWS_WITH_AS(old_twice.realize(),
                       "a tensor f32[3] was overwritten in place; use it before the assignment, or "
                       "use the tensor assigned to",
                       Error);
  x.assign(flip(x, {0}));  // reads other elements of what it writes
  CHECK(x.to_vector<float>() == std::vector<float>{9, 4, 1});
  const Tensor y = session.tensor(std::vector<float>{7, 8, 9}, {3});
  x.assign(y);
  CHECK(x.to_vector<float>() == std::vector<float>{7, 8, 9});
  x.assign(x * y);
  CHECK(y.to_vector<float>() == std::vector<float>{7, 8, 9});
  CHECK(x.to_vector<float>() == std::vector<float>{49, 64, 81});
}

TEST_CASE("a graph that amounts to one of its inputs gets memory of its own") {
  Session session(in_memory());
  Tensor x = session.tensor(std::vector<float>{1, 2}, {2});
  const Tensor same = reshape(reshape(x, {2, 1}), {2});
  same.realize();
  x.assign(x + x);
  CHECK(same.to_vector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("two tensors that amount to the same have memory of their own") {
  Session session(in_memory());
  const Tensor a = session.tensor(ramp(7), {7}), b = session.tensor(ramp(7, 1.0F), {7});
  Tensor x = a * 1.0 + b;
  const Tensor y = a + b;
  const std::vector<Tensor> both = {x, y};
  realize(both);
  const std::vector<float> values = y.to_vector<float>();
  x.assign(x + x);
  CHECK(y.to_vector<float>() == values);
}

TEST_CASE("tensors of no elements, of one, and of every type are realized") {
  Session session(in_memory());
  const Tensor none = session.tensor(std::vector<float>{}, {0, 3});
  CHECK((none + none).to_vector<float>().empty());
  CHECK(constant(session, Type::f32, 2.5, {2}).to_vector<float>() == std::vector<float>{2.5, 2.5});
  CHECK(iota(session, 3).to_vector<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2});
  const Tensor bits = session.tensor(std::vector<std::uint8_t>{1, 0}, {2});
  CHECK(cast(bits, Type::i32).to_vector<std::int32_t>() == std::vector<std::int32_t>{1, 0});
  CHECK_THROWS_WITH_AS(session.tensor(std::vector<float>{1, 2, 3}, {2}),
                       "tensor: the shape [2] has 2 elements, not the 3 given", Error);
  CHECK_THROWS_WITH_AS(session.tensor(std::vector<std::uint8_t>{1, 255}, {2}),
                       "tensor: a bool is 0 or 1", Error);
}

TEST_CASE("a graph may be deep: its kernels are not") {
  Session session(in_memory());
  const Tensor x = session.tensor(std::vector<float>{0.5, 2}, {2});
  Tensor y = x;
  for (int i = 0; i < 10'000; ++i) y = map(ScalarOp::max, {y * y, x});
  CHECK(y.to_vector<float>() == std::vector<float>{0.5, INFINITY});
}

TEST_CASE("a bound graph reads what its leaves hold when it is launched, in its own session") {
  Session session(in_memory()), other(in_memory());
  Tensor x = session.tensor(std::vector<float>{1, 2}, {2});
  const Tensor y = x + x;
  const Bound bound = session.bind({&y, 1});
  x.assign(x * x + x);
  const Tensor elsewhere = session.tensor(std::vector<float>{100, 100}, {2});
  bound.launch();
  std::vector<float> values(2);
  session.device().read(*bound.results[0], values.data());
  CHECK(values == std::vector<float>{4, 12});
  CHECK_THROWS_WITH_AS(other.bind({&y, 1}), "bind: a tensor is of another session", Error);
}

TEST_CASE("a bound graph computes again into the same memory") {
  Session session(in_memory());
  const Tensor x = session.tensor(std::vector<float>{1, 2, 3}, {3});
  const Tensor wanted[] = {x * x};
  const Bound bound = session.bind(wanted);
  std::vector<float> values(3);
  bound.launch();
  std::memcpy(values.data(), bound.results[0]->host, 12);
  CHECK(values == std::vector<float>{1, 4, 9});
  const std::vector<float> changed = {2, 2, 2};
  session.device().write(*current_buffer(*x.node()), changed.data());
  bound.launch();
  std::memcpy(values.data(), bound.results[0]->host, 12);
  CHECK(values == std::vector<float>{4, 4, 4});
  Tensor target = x;  // assign() gives it other memory; `next` gets its old memory
  target.assign(x + x);
  const Tensor next = session.tensor(std::vector<float>{7, 7, 7}, {3});
  bound.launch();
  std::memcpy(values.data(), bound.results[0]->host, 12);
  CHECK(values == std::vector<float>{16, 16, 16});
}

TEST_CASE("a tensor that outlives its session may be destroyed and not used") {
  Tensor unread, read;
  {
    Session session(in_memory());
    const Tensor x = session.tensor(ramp(8), {8});
    unread = x * x;
    read = (x + 1).realize();
  }
  CHECK_THROWS_AS(unread.item<float>(), Error);
  CHECK_THROWS_AS(unread.realize(), Error);
  CHECK_THROWS_AS(read.to_vector<float>(), Error);
  CHECK_THROWS_AS(read + read, Error);
}

TEST_CASE("predictions may be read before the step that learns from them") {
  std::vector<float> unread, read;
  for (std::vector<float>* losses : {&unread, &read}) {
    Session session(in_memory());
    const Tensor x = session.tensor(ramp(16 * 8, 0.125F), {16, 8});
    const Tensor target = session.tensor(ramp(16 * 4, 0.1F), {16, 4});
    Tensor w = session.tensor(ramp(8 * 4), {8, 4});
    Adam adam({&w}, {.rate = 0.01});
    for (int step = 0; step < 5; ++step) {
      const Tensor prediction = matmul(x, w);
      if (losses == &read) prediction.to_vector<float>();
      const Tensor loss = mean(square(prediction - target));
      if (losses == &read) loss.item<float>();
      adam.step(loss);
      losses->push_back(loss.item<float>());
    }
  }
  CHECK(unread[4] < unread[0]);
  for (int step = 0; step < 5; ++step) CHECK(read[step] == doctest::Approx(unread[step]));
}

TEST_CASE("a cast to i32 saturates, in a vector conversion") {
  Session session(in_memory());
  const std::vector<float> at{NAN,   INFINITY, -INFINITY, 0x1p31F,         -0x1p31F, 0x1.fffffep30F,
                              -0.9F, 1.9F,     -1.9F,     -0x1.000002p31F, 1e-40F,   3e38F};
  std::vector<std::int32_t> expected;
  for (const float value : at)
    expected.push_back(
        static_cast<std::int32_t>(evaluate(ScalarOp::cast, Type::i32, Type::f32, value, 0, 0)));
  const Tensor x = session.tensor(at, {static_cast<std::int64_t>(at.size())});
  CHECK(cast(x, Type::i32).to_vector<std::int32_t>() == expected);
}

TEST_CASE("instructions that the processor lacks are refused") {
  SessionOptions options = in_memory();
  options.threads = -1;
  CHECK_THROWS_WITH_AS(Session{options}, "a session of -1 threads: give 1 or more, or 0 for all",
                       Error);
}
