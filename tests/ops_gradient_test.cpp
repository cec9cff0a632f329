#include "ops/gradient.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "core/error.h"
#include "ops/functions.h"
#include "ops/views.h"
#include "oracle/interpret.h"
#include "oracle/interpret_executor.h"

using namespace tenon;

namespace {

using Floats = std::vector<float>;
using Function = std::function<Tensor(const std::vector<Tensor>&)>;

Tensor floats(Executor& executor, const Floats& values, const Shape& shape) {
  return from_bytes(executor, Type::f32, shape, values.data(), "x");
}
Tensor add(const Tensor& a, const Tensor& b) { return map(ScalarOp::add, {a, b}); }
Tensor mul(const Tensor& a, const Tensor& b) { return map(ScalarOp::mul, {a, b}); }
Tensor unary(ScalarOp op, const Tensor& x) { return map(op, {x}); }
Tensor sum(const Tensor& x) {
  std::vector<int> axes(x.rank());
  std::iota(axes.begin(), axes.end(), 0);
  return reduce(Combine::sum, x, axes);
}

// Distinct weights, so that no two elements of a gradient can be mixed up.
Tensor weighted(const Tensor& x) {
  Floats weights(elements(x.shape()));
  for (std::size_t i = 0; i < weights.size(); i++)
    weights[i] = 0.25f + 0.5f * std::sin(3.0f * static_cast<float>(i) + 1);
  return sum(mul(x, floats(x.executor(), weights, x.shape())));
}

// Values from 0.5 to 1.5, no two of them close.
Floats sample(std::int64_t count, std::mt19937& random) {
  Floats values(count);
  for (std::int64_t i = 0; i < count; i++)
    values[i] = 0.5f + (static_cast<float>(i) + 0.5f) / static_cast<float>(count);
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

// d(loss)/d(inputs) against central differences of the interpreter's loss.
void check_first(Executor& executor, const Function& loss, const std::vector<Shape>& shapes,
                 const std::vector<Floats>& values) {
  const auto loss_at = [&](const std::vector<Floats>& at) {
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < shapes.size(); i++)
      inputs.push_back(floats(executor, at[i], shapes[i]));
    return std::pair{loss(inputs), inputs};
  };
  const auto [value, inputs] = loss_at(values);
  const std::vector<Tensor> exact = gradients(value, inputs);
  constexpr float step = 1.0f / 128;  // errors of truncation and of rounding are both about 1e-4
  for (std::size_t input = 0; input < shapes.size(); input++) {
    REQUIRE(exact[input].shape() == shapes[input]);
    const Floats gradient = exact[input].to_vector<float>();
    for (std::size_t i = 0; i < values[input].size(); i++) {
      std::vector<Floats> low = values, high = values;
      low[input][i] -= step;
      high[input][i] += step;
      const double difference =
          (double(loss_at(high).first.item<float>()) - loss_at(low).first.item<float>()) /
          (2 * step);
      CAPTURE(input);
      CAPTURE(i);
      CHECK(gradient[i] == doctest::Approx(difference).epsilon(2e-3).scale(1));
    }
  }
}

// First and second gradients of a weighted sum of function(inputs).
void check_both(const Function& function, const std::vector<Shape>& shapes) {
  std::mt19937 random(5);
  std::vector<Floats> values;
  for (const Shape& shape : shapes) values.push_back(sample(elements(shape), random));
  InterpretExecutor executor;
  const Function first = [&](const std::vector<Tensor>& x) { return weighted(function(x)); };
  check_first(executor, first, shapes, values);
  const Function second = [&](const std::vector<Tensor>& x) {
    // Squared, so that a linear function has a second gradient to check.
    const Tensor y = weighted(mul(function(x), function(x)));
    Tensor total = constant(executor, Type::f32, 0);
    for (const Tensor& gradient : gradients(y, x)) total = add(total, weighted(gradient));
    return total;
  };
  check_first(executor, second, shapes, values);
}

int count_scatters(const std::vector<Tensor>& tensors) {
  std::vector<NodeRef> roots;
  for (const Tensor& tensor : tensors) roots.push_back(tensor.node());
  int count = 0;
  for (const NodeRef& node : in_order(roots).nodes) count += node->as<Scatter>() ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("gradients of the scalar operations") {
  const auto check_map = [](ScalarOp op, int operands) {
    CAPTURE(info(op).name);
    check_both([op](const std::vector<Tensor>& x) { return map(op, x); },
               std::vector<Shape>(operands, Shape{5}));
  };
  check_map(ScalarOp::add, 2);
  check_map(ScalarOp::mul, 2);
  check_map(ScalarOp::div, 2);
  check_map(ScalarOp::exp2, 1);
  check_map(ScalarOp::log2, 1);
  check_map(ScalarOp::sin, 1);
  check_map(ScalarOp::sqrt, 1);
  check_both(
      [](const std::vector<Tensor>& x) {
        const Tensor one = constant(x[0].executor(), Type::f32, 1.02, {6});
        return map(ScalarOp::max, {mul(x[0], x[0]), one});
      },
      {{6}});
  check_both(
      [](const std::vector<Tensor>& x) {
        const Tensor one = constant(x[0].executor(), Type::f32, 1.02, {6});
        const Tensor small = map(ScalarOp::lt, {x[0], one});
        return map(ScalarOp::where, {small, unary(ScalarOp::exp2, x[0]), mul(x[0], x[1])});
      },
      {{6}, {6}});
}

TEST_CASE("gradients of reductions") {
  for (const std::vector<int>& axes : {std::vector{0}, std::vector{1}, std::vector{0, 2}}) {
    for (const Combine combine : {Combine::sum, Combine::max})
      check_both([&](const std::vector<Tensor>& x) { return reduce(combine, x[0], axes); },
                 {{2, 3, 2}});
  }
  check_both(
      [](const std::vector<Tensor>& x) {  // a sum of products
        const NodeRef node = x[0].executor().nodes().make(Reduce{Combine::sum, {1}}, Type::f32, {2},
                                                          {x[0].node(), x[1].node()});
        return Tensor(x[0].executor(), node);
      },
      {{2, 3}, {2, 3}});
}

TEST_CASE("ties of max share the gradient") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {3, 1, 3, 2}, {4});
  const auto of_reduce = gradients(reduce(Combine::max, x, {0}), {{x}});
  CHECK(of_reduce[0].to_vector<float>() == Floats{0.5, 0, 0.5, 0});
  const Tensor other = floats(executor, {3, 2, 1, 2}, {4});
  const auto of_map = gradients(sum(map(ScalarOp::max, {x, other})), {{x, other}});
  CHECK(of_map[0].to_vector<float>() == Floats{0.5, 0, 1, 0.5});
  CHECK(of_map[1].to_vector<float>() == Floats{0.5, 1, 0, 0.5});
}

TEST_CASE("gradients of views") {
  const auto check_view = [](const std::string& name, const Shape& shape,
                             const std::function<Tensor(const Tensor&)>& make) {
    CAPTURE(name);
    check_both([&](const std::vector<Tensor>& x) { return make(x[0]); }, {shape});
    InterpretExecutor executor;
    const Tensor x = constant(executor, Type::f32, 1, shape);
    const Tensor input = floats(executor, x.to_vector<float>(), shape);
    const auto first = gradients(sum(mul(make(input), make(input))), {{input}});
    const auto second = gradients(sum(mul(first[0], first[0])), {{input}});
    CHECK(count_scatters({first[0], second[0]}) == 0);
  };
  check_view("reshape", {2, 6}, [](const Tensor& x) { return reshape(x, {3, 4}); });
  check_view("flatten", {2, 3, 2}, [](const Tensor& x) { return reshape(x, {12}); });
  check_view("split", {12}, [](const Tensor& x) { return reshape(x, {2, 1, 3, 2}); });
  check_view("permute", {2, 3, 2}, [](const Tensor& x) { return permute(x, {2, 0, 1}); });
  check_view("expand", {3, 1}, [](const Tensor& x) { return expand(x, {2, 3, 4}); });
  check_view("slice", {7, 3}, [](const Tensor& x) { return slice(x, {{1, 6, 2}, {0, 2}}); });
  check_view("backwards", {8}, [](const Tensor& x) { return slice(x, {{6, 0, -3}}); });
  check_view("flip", {2, 3}, [](const Tensor& x) { return flip(x, {0, 1}); });
  check_view("pad", {2, 3}, [](const Tensor& x) { return pad(x, {{1, 0}, {2, 1}}, 3); });
  check_view("window", {8}, [](const Tensor& x) { return window(x, 0, 3); });
  check_view("strided window", {9, 2}, [](const Tensor& x) { return window(x, 0, 3, 2); });
  check_view("dilated window", {9}, [](const Tensor& x) { return window(x, 0, 3, 2, 2); });
  check_view("pooling", {7}, [](const Tensor& x) { return window(x, 0, 3, 3); });
  check_view("padded window", {6},
             [](const Tensor& x) { return window(pad(x, {{1, 1}}), 0, 3, 2); });
  check_view("one view of many", {3, 8}, [](const Tensor& x) {
    // x[b, 2*i + r - 1] over [i, r, b, c], padded with 7; c repeats.
    const Index place = Index::var(0) * 2 + Index::var(1) - 1;
    return view(x, {5, 3, 3, 2}, {{Index::var(2), place}, {{place, 0, 8}}, 7});
  });
  check_view("diagonal", {3, 3},
             [](const Tensor& x) { return view(x, {3}, {{Index::var(0), Index::var(0)}, {}, 0}); });
  check_view("row or nothing", {3, 4}, [](const Tensor& x) {
    return view(x, {4, 2}, {{Index(1), Index::var(0)}, {{Index::var(1), 1, 2}}, 0});
  });
}

TEST_CASE("a map that cannot be inverted becomes a scatter") {
  check_both(
      [](const std::vector<Tensor>& x) {  // reads each of some elements twice
        const Index half = floordiv(Index::var(0), 2, [](Var) { return Bounds{0, 3}; });
        return view(x[0], {4}, {{half, half * 2}, {{Index::var(0), 1, 4}}, 0});
      },
      {{4, 4}});
}

TEST_CASE("gradients of gather and scatter") {
  const auto index = [](const Tensor& like, const std::vector<std::int32_t>& values) {
    return from_bytes(like.executor(), Type::i32, {static_cast<std::int64_t>(values.size())},
                      values.data());
  };
  check_both(
      [&](const std::vector<Tensor>& x) { return gather(x[0], index(x[0], {2, 0, 2, 9}), 1); },
      {{2, 3}});
  for (const bool adds : {true, false})
    check_both(
        [&](const std::vector<Tensor>& x) {
          return scatter(x[0], index(x[0], {2, 0, -1}), x[1], 0, adds);
        },
        {{4, 2}, {3, 2}});
}

TEST_CASE("gradients through several uses, and of what is not used") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {2});
  const Tensor unused = floats(executor, {1, 1}, {2});
  const Tensor loss = sum(mul(add(x, x), x));
  const auto result = gradients(loss, {{x, unused, loss}});
  CHECK(result[0].to_vector<float>() == Floats{8, 12});
  CHECK(result[1].to_vector<float>() == Floats{0, 0});
  CHECK(result[2].to_vector<float>() == Floats{1});
}

TEST_CASE("a tensor that was realized after its use is still found") {
  InterpretExecutor executor;
  const Tensor x = mul(floats(executor, {2, 3}, {2}), floats(executor, {1, 1}, {2}));
  const Tensor loss = sum(mul(x, x));
  x.realize();
  CHECK(gradients(loss, {{x}})[0].to_vector<float>() == Floats{4, 6});
}

TEST_CASE("gradients of nothing") {
  InterpretExecutor executor;
  const Tensor none = floats(executor, {}, {0, 3});
  CHECK(gradients(sum(mul(none, none)), {{none}})[0].shape() == Shape{0, 3});
  const Tensor some = floats(executor, {1, 2}, {2, 1});
  const Tensor empty = expand(some, {2, 0});
  CHECK(gradients(sum(mul(empty, empty)), {{some}})[0].to_vector<float>() == Floats{0, 0});
}

TEST_CASE("mistakes about gradients are told") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, {2});
  CHECK_THROWS_WITH_AS(gradients(x, {{x}}),
                       "gradients: the loss is f32[2], not one f32; sum() or mean() it", Error);
  CHECK_THROWS_WITH_AS(gradients(sum(x), {{iota(executor, 2)}}),
                       "gradients: a tensor is i32[2]; only floats have gradients", Error);
  const Tensor loss = sum(x);
  loss.let_go();
  CHECK_THROWS_WITH_AS(gradients(loss, {{x}}),
                       "gradients: the loss is a value without a graph, as after assign(), "
                       "stop_gradient() or an optimizer's step; take its gradients before that",
                       Error);
}

TEST_CASE("reading a value changes no gradient") {
  InterpretExecutor executor;
  const auto nothing = [](const Tensor&) {};
  const auto item = [](const Tensor& h) { h.item<float>(); };
  const auto vector = [](const Tensor& h) { h.to_vector<float>(); };
  const auto realized = [](const Tensor& h) { h.realize(); };
  const auto twice = [](const Tensor& h) { h.realize().realize().item<float>(); };
  const auto together = [](const Tensor& h) { realize(std::vector{h, mul(h, h)}); };
  for (const std::function<void(const Tensor&)>& read :
       {std::function<void(const Tensor&)>(nothing), std::function<void(const Tensor&)>(item),
        std::function<void(const Tensor&)>(vector), std::function<void(const Tensor&)>(realized),
        std::function<void(const Tensor&)>(twice), std::function<void(const Tensor&)>(together)}) {
    const Tensor w = floats(executor, {2}, {});
    const Tensor h = mul(mul(w, w), w);
    read(h);
    const Tensor loss = mul(h, w);
    CHECK(gradients(loss, {{w}})[0].item<float>() == 32);
    read(loss);
    const auto both = gradients(loss, {{w, h}});
    CHECK(both[0].item<float>() == 32);
    CHECK(both[1].item<float>() == 2);
    read(both[0]);
    const Tensor second = gradients(both[0], {{w}})[0];  // 12 w^2
    read(second);
    CHECK(second.item<float>() == 48);
    CHECK(gradients(second, {{w}})[0].item<float>() == 48);
  }
}

TEST_CASE("a derivative ends at stop_gradient and at an assignment") {
  InterpretExecutor executor;
  const Tensor w = floats(executor, {2}, {});
  const Tensor stopped = stop_gradient(mul(w, w)).realize();
  CHECK(gradients(mul(stopped, w), {{w}})[0].item<float>() == 4);
  const Tensor h = mul(w, w).realize();
  CHECK(gradients(mul(h, w), {{w}})[0].item<float>() == 12);
  Tensor(h).assign(floats(executor, {5}, {}));
  CHECK(gradients(mul(h, w), {{w}})[0].item<float>() == 5);
  CHECK(gradients(mul(h, h), {{h}})[0].item<float>() == 10);
}

TEST_CASE("a loop that realizes its state holds flat memory, and says what it forgot") {
  InterpretExecutor executor;
  const Tensor w = floats(executor, {1}, {}), frozen = floats(executor, {1}, {});
  Tensor state = floats(executor, {0.5F}, {});
  std::size_t most = 0;
  for (int step = 0; step < 100; step++) {
    state = mul(state, w);
    state.realize();
    if (step == 20) most = executor.nodes().size();
    if (step > 40) CHECK(executor.nodes().size() <= most + 10);
    if (step < Tensor::most_generations)
      CHECK(gradients(state, {{w}})[0].item<float>() == doctest::Approx(0.5 * (step + 1)));
    CHECK(gradients(mul(state, state), {{state}})[0].item<float>() == 1);
    CHECK(gradients(mul(state, frozen), {{frozen}})[0].item<float>() == 0.5);
  }
  CHECK_THROWS_WITH_AS(
      gradients(mul(state, state), {{w}}),
      "gradients: f32[] on the way was realized, and what it was computed from is let go; put "
      "stop_gradient() around it, or take gradients after at most 8 realized tensors in a row",
      Error);
}
