#include "core/tensor.h"

#include <numeric>
#include <type_traits>

#include <doctest/doctest.h>

#include "core/error.h"
#include "counting.h"
#include "ops/views.h"

using namespace tenon;

namespace {

const View& view_of(const Tensor& x) {
  REQUIRE(x.node()->as<View>() != nullptr);
  return *x.node()->as<View>();
}

}  // namespace

TEST_CASE("reshape and expand") {
  InterpretExecutor executor;
  const Tensor x = counting(executor, {2, 3});
  CHECK(ints(reshape(x, {3, -1})) == Ints{0, 1, 2, 3, 4, 5});
  CHECK(ints(expand(counting(executor, {2, 1}), {2, 2, 2})) == Ints{0, 0, 1, 1, 0, 0, 1, 1});
}

TEST_CASE("a view that changes nothing is the tensor itself") {
  InterpretExecutor executor;
  const Tensor x = counting(executor, {2, 3});
  CHECK(reshape(x, {2, 3}).node() == x.node());
  CHECK(permute(x, {0, 1}).node() == x.node());
  CHECK(expand(x, {2, 3}).node() == x.node());
  CHECK(pad(x, {}).node() == x.node());
  CHECK(slice(x, {{0, 2}}).node() == x.node());
}

TEST_CASE("reshapes have the simplest maps") {
  InterpretExecutor executor;
  const Tensor x = map(ScalarOp::add, {counting(executor, {4, 6}), counting(executor, {4, 6})});
  const auto name = [](Var v) { return "abc"[v] + std::string(); };
  const Tensor y = reshape(x, {4, 2, 3});
  CHECK(text(view_of(y).map[0], name) == "a");
  CHECK(text(view_of(y).map[1], name) == "3*b + c");
  const Tensor z = reshape(x, {24});
  CHECK(text(view_of(z).map[0], name) == "a / 6");
  CHECK(text(view_of(z).map[1], name) == "a mod 6");
  const Tensor one = reshape(x, {1, 4, 1, 6});
  CHECK(view_of(one).map == std::vector{Index::var(1), Index::var(3)});
}

// `if (x == y)` would always hold: a comparison is a tensor.
static_assert(!std::is_constructible_v<bool, Tensor> && !std::is_convertible_v<Tensor, bool>);

TEST_CASE("a tensor that outlives its session may be destroyed and not used") {
  Tensor unread, read;
  {
    InterpretExecutor executor;
    unread = counting(executor, {2, 3});
    read = map(ScalarOp::add, {unread, unread}).realize();
  }
  CHECK(read.shape() == Shape{2, 3});
  const std::string message =
      "a tensor i32[2,3] was used after its session ended; keep the session as long as its tensors";
  CHECK_THROWS_WITH_AS(unread.realize(), message.c_str(), Error);
  CHECK_THROWS_WITH_AS(read.to_vector<std::int32_t>(), message.c_str(), Error);
  CHECK_THROWS_WITH_AS(map(ScalarOp::add, {read, read}), message.c_str(), Error);
  CHECK_THROWS_WITH_AS(read.assign(unread), message.c_str(), Error);
}

TEST_CASE("mistakes are told with operation, shapes and remedy") {
  InterpretExecutor executor;
  const Tensor x = counting(executor, {2, 3});
  const Tensor f = cast(x, Type::f32);
  CHECK_THROWS_WITH_AS(map(ScalarOp::add, {x, iota(executor, 3)}),
                       "add: shapes differ: [2,3] and [3]; expand them to one shape", Error);
  CHECK_THROWS_WITH_AS(map(ScalarOp::add, {x, f}), "add: operand 1 is i32, not f32; cast it",
                       Error);
  CHECK_THROWS_WITH_AS(map(ScalarOp::where, {x, f, f}),
                       "where: operand 1 is i32, not bool; cast it", Error);
  CHECK_THROWS_WITH_AS(map(ScalarOp::add, {x}), "add: takes 2 operands, not 1", Error);
  CHECK_THROWS_WITH_AS(map(ScalarOp::exp2, {x}), "exp2: takes f32, not i32; cast the operand",
                       Error);
  CHECK_THROWS_WITH_AS(reduce(Combine::sum, x, {2}),
                       "sum: there is no axis 2 in [2,3]; axes are -2 to 1", Error);
  CHECK_THROWS_WITH_AS(reduce(Combine::max, x, {1, -1}), "max: an axis of [2,3] is named twice",
                       Error);
  CHECK_THROWS_WITH_AS(reshape(x, {4, 2}), "reshape: [2,3] has 6 elements, which [4,2] cannot hold",
                       Error);
  CHECK_THROWS_WITH_AS(reshape(x, {4, -1}),
                       "reshape: [2,3] has 6 elements, which [4,-1] cannot hold", Error);
  CHECK_THROWS_WITH_AS(
      expand(x, {3, 3}),
      "expand: [2,3] does not expand to [3,3]; extents, aligned at the end, must agree or be 1",
      Error);
  CHECK_THROWS_WITH_AS(view(x, {9}, {{Index(0), Index::var(0)}, {}, 0}),
                       "view: the map reaches 0 to 8 on axis 1 of [2,3]; restrict it with a range",
                       Error);
  CHECK_THROWS_WITH_AS(gather(x, f, 0), "gather: the index is f32, not i32; cast it", Error);
  CHECK_THROWS_WITH_AS(
      scatter(x, iota(executor, 2), x, 1, false),
      "scatter: the update is i32[2,3], not i32[2,2]: base i32[2,3], index i32[2], axis 1", Error);
  CHECK_THROWS_WITH_AS(constant(executor, Type::i32, 1.5),
                       "constant: 1.5 is no i32 value; give one, or cast from f32", Error);
  CHECK_THROWS_WITH_AS(Tensor().shape(), "an empty tensor was used; give it a value first", Error);
  CHECK_THROWS_WITH_AS(x.to_vector<float>(), "to_vector: the tensor is i32, not f32; cast it first",
                       Error);
  CHECK_THROWS_WITH_AS(x.item<std::int32_t>(),
                       "item: the tensor [2,3] has 6 elements, not one; use to_vector", Error);
  InterpretExecutor other;
  CHECK_THROWS_WITH_AS(map(ScalarOp::add, {x, counting(other, {2, 3})}),
                       "the operands i32[2,3] and i32[2,3] are of different sessions", Error);
}
