#include "ops/convolution.h"

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

struct Sizes {
  std::int64_t batch, inputs, height, width, outputs, rows, columns;
};

// The definition, in double, one output at a time.
std::vector<double> convolution(const Floats& x, const Floats& weights, const Sizes& size,
                                const Convolution& options) {
  const auto& [batch, inputs, height, width, outputs, rows, columns] = size;
  const auto out = [](std::int64_t extent, std::int64_t window, std::int64_t stride,
                      std::int64_t padding, std::int64_t dilation) {
    return (extent + 2 * padding - dilation * (window - 1) - 1) / stride + 1;
  };
  const std::int64_t down =
      out(height, rows, options.stride.down, options.padding.down, options.dilation.down);
  const std::int64_t across =
      out(width, columns, options.stride.across, options.padding.across, options.dilation.across);
  const std::int64_t group_inputs = inputs / options.groups;
  const std::int64_t group_outputs = outputs / options.groups;
  std::vector<double> result;
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t co = 0; co < outputs; ++co)
      for (std::int64_t ho = 0; ho < down; ++ho)
        for (std::int64_t wo = 0; wo < across; ++wo) {
          double total = 0;
          for (std::int64_t c = 0; c < group_inputs; ++c)
            for (std::int64_t r = 0; r < rows; ++r)
              for (std::int64_t s = 0; s < columns; ++s) {
                const std::int64_t ci = co / group_outputs * group_inputs + c;
                const std::int64_t h =
                    ho * options.stride.down + r * options.dilation.down - options.padding.down;
                const std::int64_t w = wo * options.stride.across + s * options.dilation.across -
                                       options.padding.across;
                if (h < 0 || h >= height || w < 0 || w >= width) continue;
                total += static_cast<double>(x[((n * inputs + ci) * height + h) * width + w]) *
                         weights[((co * group_inputs + c) * rows + r) * columns + s];
              }
          result.push_back(total);
        }
  return result;
}

}  // namespace

TEST_CASE("conv2d is its definition") {
  InterpretExecutor executor;
  const std::pair<Sizes, Convolution> cases[] = {
      {{2, 3, 5, 6, 4, 3, 3}, {}},
      {{1, 2, 5, 5, 3, 3, 3}, {.padding = 1}},
      {{1, 2, 7, 6, 2, 3, 2}, {.stride = {2, 3}, .padding = {2, 1}}},
      {{2, 1, 7, 7, 2, 3, 3}, {.padding = 2, .dilation = {2, 3}}},
      {{1, 4, 4, 4, 6, 3, 3}, {.padding = 1, .groups = 2}},
      {{1, 3, 4, 4, 3, 2, 2}, {.stride = 2, .groups = 3}},
      {{1, 1, 1, 1, 1, 1, 1}, {}},
      {{3, 2, 4, 1, 2, 4, 1}, {}},
  };
  for (const auto& [size, options] : cases) {
    const Shape x_shape{size.batch, size.inputs, size.height, size.width};
    const Shape weight_shape{size.outputs, size.inputs / options.groups, size.rows, size.columns};
    CAPTURE(text(x_shape));
    CAPTURE(text(weight_shape));
    const Floats x = sample(elements(x_shape)), weights = sample(elements(weight_shape), -1, 1, 2);
    const Tensor y =
        conv2d(floats(executor, x_shape, x), floats(executor, weight_shape, weights), options);
    check_close(y.to_vector<float>(), convolution(x, weights, size, options), 2e-6);
  }
}

TEST_CASE("conv2d is one sum over views, which keeps the first four axes") {
  InterpretExecutor executor;
  const Tensor y = conv2d(floats(executor, {2, 3, 5, 6}, sample(180)),
                          floats(executor, {4, 3, 3, 3}, sample(108)), {.padding = 1});
  const auto* reduce = y.node()->as<Reduce>();
  REQUIRE(reduce != nullptr);
  CHECK(reduce->axes == std::vector<int>{4, 5, 6});
  const Node& product = *y.node()->inputs[0];
  CHECK(product.shape == Shape{2, 4, 5, 6, 3, 3, 3});
  REQUIRE(product.as<Map>() != nullptr);
  CHECK(product.as<Map>()->op == ScalarOp::mul);
  for (const Node* side : {product.inputs[0].get(), product.inputs[1].get()}) {
    while (side->as<View>() != nullptr) side = side->inputs[0].get();
    CHECK(side->is_leaf());
  }
}

TEST_CASE("an empty batch") {
  InterpretExecutor executor;
  const Tensor none = floats(executor, {0, 1, 4, 4}, {});
  CHECK(conv2d(none, floats(executor, {2, 1, 3, 3}, sample(18))).shape() == Shape{0, 2, 2, 2});
  CHECK(max_pool2d(none, 2).shape() == Shape{0, 1, 2, 2});
}

TEST_CASE("pooling") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {1, 1, 3, 4}, {1, 2, 3, 4, -5, -6, -7, -8, 9, 1, 2, 3});
  CHECK(max_pool2d(x, 2).to_vector<float>() == Floats{2, 4});
  CHECK(max_pool2d(x, 2, {.stride = 1}).to_vector<float>() == Floats{2, 3, 4, 9, 2, 3});
  CHECK(avg_pool2d(x, {1, 2}).to_vector<float>() == Floats{1.5, 3.5, -5.5, -7.5, 5, 2.5});
  // Padding never wins a maximum, and counts as 0 in a mean.
  const Tensor below = floats(executor, {1, 1, 2, 2}, {-1, -2, -3, -4});
  CHECK(max_pool2d(below, 3, {.stride = 2, .padding = 1}).to_vector<float>() == Floats{-1});
  CHECK(avg_pool2d(below, 2, {.padding = 1}).to_vector<float>() == Floats{-0.25, -0.5, -0.75, -1});
  CHECK(max_pool2d(ints(executor, {1, 1, 1, 1}, {INT32_MIN + 1}), 2, {.padding = 1})
            .to_vector<std::int32_t>() == Ints{INT32_MIN + 1});
}

TEST_CASE("gradients of convolution and pooling") {
  const auto conv = [](Convolution options) {
    return [options](const std::vector<Tensor>& in) { return conv2d(in[0], in[1], options); };
  };
  const Argument image{{1, 2, 4, 3}, sample(24)};
  check_gradients(conv({.padding = 1}), {image, {{2, 2, 3, 2}, sample(24, -1, 1, 2)}});
  check_gradients(conv({.stride = 2, .padding = 1, .dilation = {1, 2}}),
                  {image, {{1, 2, 2, 2}, sample(8, -1, 1, 2)}});
  check_gradients(conv({.groups = 2}), {image, {{2, 1, 2, 2}, sample(8, -1, 1, 2)}});
  // The values lie further apart than the steps of the finite differences.
  const Argument apart{{1, 1, 3, 3}, {0, 5, 2, 7, 1, 4, 8, 3, 6}};
  check_gradients(
      [](const auto& in) { return max_pool2d(in[0] * in[0], 2, {.stride = 1, .padding = 1}); },
      {apart}, 5e-3);
  check_gradients([](const auto& in) { return avg_pool2d(in[0] * in[0], 2, {.stride = 1}); },
                  {apart});
}

TEST_CASE("convolutions say what does not fit") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3, 8, 8}, sample(384));
  const Tensor weights = floats(executor, {4, 2, 3, 3}, sample(72));
  const Tensor large = floats(executor, {1, 3, 9, 9}, sample(243));
  CHECK_THROWS_WITH_AS(conv2d(x, weights),
                       "conv2d: input channels differ: x [2,3,8,8] has 3, weights [4,2,3,3] with "
                       "groups 1 take 2",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(x, weights, {.groups = 3}),
                       "conv2d: 4 output channels (weights [4,2,3,3]) do not fall into 3 groups; "
                       "take a divisor",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(x, large),
                       "conv2d: a window of 9x9 pixels does not fit into [2,3,8,8] with padding "
                       "0x0; pad more, or take a smaller one",
                       Error);
  CHECK_THROWS_WITH_AS(conv2d(floats(executor, {3}, sample(3)), weights),
                       "conv2d: needs images [N,C,H,W], got [3]; reshape it to four axes", Error);
  CHECK_THROWS_WITH_AS(conv2d(x, large, {.stride = 0}),
                       "conv2d: window 9x9, stride 0x0, dilation 1x1, padding 0x0; the first three "
                       "must be positive and padding not negative",
                       Error);
  CHECK_THROWS_WITH_AS(max_pool2d(x, 2, {.padding = 2}),
                       "max_pool2d: padding 2x2 is no smaller than the window 2x2, so that some "
                       "windows would hold nothing else; pad less",
                       Error);
}
