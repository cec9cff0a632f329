#include "oracle/interpret.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/tensor.h"
#include "ops/views.h"
#include "oracle/interpret_executor.h"

using namespace tenon;

namespace {

using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;

Tensor floats(InterpretExecutor& executor, const Floats& values, const Shape& shape) {
  return from_bytes(executor, Type::f32, shape, values.data(), "x");
}
Tensor ints(InterpretExecutor& executor, const Ints& values, const Shape& shape) {
  return from_bytes(executor, Type::i32, shape, values.data(), "i");
}

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::int32_t smallest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t largest = std::numeric_limits<std::int32_t>::max();

}  // namespace

TEST_CASE("scalar operations mean what their table says") {
  const auto integer = [](ScalarOp op, double a, double b) {
    return evaluate(op, Type::i32, Type::i32, a, b, 0);
  };
  CHECK(integer(ScalarOp::add, largest, 1) == smallest);
  CHECK(integer(ScalarOp::mul, 65537, 65537) == 131073);
  CHECK(integer(ScalarOp::idiv, -7, 2) == -4);
  CHECK(integer(ScalarOp::mod, -7, 2) == 1);
  CHECK(integer(ScalarOp::mod, 7, -2) == -1);
  CHECK(integer(ScalarOp::idiv, 7, 0) == 0);
  CHECK(integer(ScalarOp::mod, 7, 0) == 0);
  CHECK(integer(ScalarOp::idiv, smallest, -1) == smallest);
  CHECK(integer(ScalarOp::shl, 1, 33) == 2);
  CHECK(integer(ScalarOp::shr, -1, 28) == 15);
  CHECK(integer(ScalarOp::bit_xor, 6, 3) == 5);

  const auto single = [](ScalarOp op, double a, double b) {
    return evaluate(op, Type::f32, Type::f32, a, b, 0);
  };
  CHECK(single(ScalarOp::add, 1, 1e-9) == 1);
  CHECK(std::isnan(single(ScalarOp::max, NAN, 1)));
  CHECK(std::isnan(single(ScalarOp::max, 1, NAN)));
  CHECK(std::signbit(single(ScalarOp::max, -0.0, 0.0)));
  CHECK_FALSE(std::signbit(single(ScalarOp::max, 0.0, -0.0)));
  CHECK(evaluate(ScalarOp::lt, Type::boolean, Type::f32, NAN, 1, 0) == 0);
  CHECK(evaluate(ScalarOp::eq, Type::boolean, Type::f32, NAN, NAN, 0) == 0);
  CHECK(evaluate(ScalarOp::cast, Type::i32, Type::f32, -1.9, 0, 0) == -1);
  CHECK(evaluate(ScalarOp::cast, Type::i32, Type::f32, 1e20, 0, 0) == largest);
  CHECK(evaluate(ScalarOp::cast, Type::i32, Type::f32, NAN, 0, 0) == 0);
  CHECK(evaluate(ScalarOp::cast, Type::boolean, Type::f32, 0.5, 0, 0) == 1);
  CHECK(evaluate(ScalarOp::bitcast, Type::i32, Type::f32, 1, 0, 0) == 0x3f800000);
  CHECK(evaluate(ScalarOp::bitcast, Type::f32, Type::i32, 0x40000000, 0, 0) == 2);
  CHECK(round_to(Type::i32, 4294967297.0) == 1);
}

TEST_CASE("reductions accumulate in double and round once") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {1, 0x1p-30f, -1, 2, 3, 4}, {2, 3});
  CHECK(reduce(Combine::sum, x, {1}).to_vector<float>() == Floats{0x1p-30f, 9});
  CHECK(reduce(Combine::max, x, {0}).to_vector<float>() == Floats{2, 3, 4});
  CHECK(reduce(Combine::sum, x, {0, -1}).item<float>() == 9);
  const NodeRef product =
      executor.nodes().make(Reduce{Combine::sum, {1}}, Type::f32, {2}, {x.node(), x.node()});
  CHECK(Tensor(executor, product).to_vector<float>()[1] == 29);
}

TEST_CASE("reductions over nothing give their identity") {
  InterpretExecutor executor;
  const Tensor none = floats(executor, {}, {2, 0});
  CHECK(reduce(Combine::sum, none, {1}).to_vector<float>() == Floats{0, 0});
  CHECK(reduce(Combine::max, none, {1}).to_vector<float>() == Floats{-infinity, -infinity});
  CHECK(reduce(Combine::sum, none, {0}).to_vector<float>().empty());
  CHECK(reduce(Combine::max, cast(none, Type::i32), {1}).to_vector<std::int32_t>()[0] == smallest);
  CHECK(reduce(Combine::max, cast(none, Type::boolean), {0, 1}).item<std::uint8_t>() == 0);
  CHECK(reshape(none, {0, 7}).to_vector<float>().empty());
  CHECK(pad(none, {{}, {1, 1}}, 5).to_vector<float>() == Floats{5, 5, 5, 5});
}

TEST_CASE("gather and scatter ignore what lies outside") {
  InterpretExecutor executor;
  const Tensor data = floats(executor, {1, 2, 3, 4, 5, 6}, {3, 2});
  const Tensor index = ints(executor, {2, -1, 0, 3}, {4});
  CHECK(gather(data, index, 0).to_vector<float>() == Floats{5, 6, 0, 0, 1, 2, 0, 0});
  CHECK(gather(data, reshape(ints(executor, {1, 0}, {2}), {2, 1}), 1).shape() == Shape{3, 2, 1});
  CHECK(gather(data, ints(executor, {1}, {}), 0).to_vector<float>() == Floats{3, 4});

  const Tensor base = floats(executor, {10, 20, 30}, {3});
  const Tensor places = ints(executor, {0, 2, 0, 9}, {4});
  const Tensor update = floats(executor, {1, 2, 3, 4}, {4});
  CHECK(scatter(base, places, update, 0, true).to_vector<float>() == Floats{14, 20, 32});
  CHECK(scatter(base, places, update, 0, false).to_vector<float>() == Floats{3, 20, 2});
}

TEST_CASE("an assignment makes a new version, and the old one is an error") {
  InterpretExecutor executor;
  Tensor x = floats(executor, {1, 2}, {2});
  const NodeRef old = x.node();
  const Tensor before = map(ScalarOp::add, {x, x});
  before.realize();
  const Tensor stale = map(ScalarOp::mul, {x, x});
  x.assign(map(ScalarOp::add, {x, x}));
  CHECK(x.to_vector<float>() == Floats{2, 4});
  CHECK(x.node() != old);
  CHECK(before.to_vector<float>() == Floats{2, 4});
  CHECK_THROWS_WITH_AS(
      stale.to_vector<float>(),
      "x was overwritten in place; use it before the assignment, or use the tensor assigned to",
      Error);
  CHECK_THROWS_AS(Tensor(executor, old).to_vector<float>(), Error);
  x.assign(map(ScalarOp::add, {x, x}));
  CHECK(x.to_vector<float>() == Floats{4, 8});
}

TEST_CASE("a realized value survives the assignment of what it came from") {
  InterpretExecutor executor;
  Tensor x = floats(executor, {1, 2}, {2});
  const Tensor y = map(ScalarOp::add, {x, x});
  const Tensor later = map(ScalarOp::mul, {y, y});  // built on y's unrealized node
  y.realize();
  x.assign(map(ScalarOp::mul, {x, x}));
  CHECK(later.to_vector<float>() == Floats{4, 16});
}
