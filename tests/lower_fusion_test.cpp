#include "lower/fusion.h"

#include <doctest/doctest.h>

#include "allocations.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "ops/views.h"

using namespace tenon_test;
using tenon::Combine;
using tenon::ScalarOp;
using tenon::Type;

namespace {

Tensor div(const Tensor& a, const Tensor& b) { return map(ScalarOp::div, {a, b}); }
Tensor sqrt(const Tensor& x) { return map(ScalarOp::sqrt, {x}); }
Tensor log2(const Tensor& x) { return map(ScalarOp::log2, {x}); }
Tensor product(const Tensor& a, const Tensor& b) { return sum(product_terms(a, b), {2}); }

Tensor mean(const Tensor& x) {
  const Tensor total = sum(x, {1});
  return total * number(1.0 / static_cast<double>(x.shape()[1].value()), total);
}
Tensor softmax(const Tensor& x) {
  const Tensor powers = exp2(x - in_rows(max(x, {1}), x));
  return div(powers, in_rows(sum(powers, {1}), x));
}
Tensor log_sum(const Tensor& x) {
  const Tensor largest = max(x, {1});
  return largest + log2(sum(exp2(x - in_rows(largest, x)), {1}));
}
Tensor variance(const Tensor& x) {
  const Tensor centered = x - in_rows(mean(x), x);
  return mean(centered * centered);
}
Tensor layernorm(const Tensor& x, const Tensor& scale, const Tensor& shift) {
  const Tensor spread = sqrt(variance(x) + number(1e-5, mean(x)));
  const Tensor normal = div(x - in_rows(mean(x), x), in_rows(spread, x));
  return normal * in_columns(scale, x) + in_columns(shift, x);
}
Tensor conv3x3(const Tensor& x, const Tensor& w) {  // padded by 1
  const std::int64_t n = x.extent(0), ci = x.extent(1), h = x.extent(2), width = x.extent(3);
  const Tensor rows = window(pad(x, {{0, 0}, {0, 0}, {1, 1}, {1, 1}}), 2, 3);
  const Tensor patches = permute(window(rows, 3, 3), {0, 2, 3, 1, 4, 5});
  const Shape terms{n, w.shape()[0], h, width, ci, 3, 3};
  const Tensor left = expand(reshape(patches, {n, 1, h, width, ci, 3, 3}), terms);
  return sum(left * expand(reshape(w, {w.shape()[0], 1, 1, ci, 3, 3}), terms), {4, 5, 6});
}
Tensor one_hot(const Tensor& labels, std::int64_t classes) {  // bool [n, classes]
  const Shape shape{labels.shape()[0], classes};
  const Tensor numbers = expand(iota(labels.executor(), classes), shape);
  return map(ScalarOp::eq, {numbers, expand(reshape(labels, {labels.shape()[0], 1}), shape)});
}

struct Expected {
  const char* what;
  std::vector<Tensor> wanted;
  std::size_t kernels;
};

}  // namespace

TEST_CASE("known graphs become as many kernels as they should") {
  Inputs in;
  const Tensor x = in.floats({6, 8}, "x"), w = in.floats({8, 5}, "w"), b = in.floats({5}, "b");
  const Tensor v = in.floats({5, 4}, "v"), y = in.floats({6, 8}, "y");
  const Tensor scale = in.floats({8}, "scale"), shift = in.floats({8}, "shift");
  const Tensor image = in.floats({2, 3, 6, 6}, "image"), kernel = in.floats({4, 3, 3, 3}, "kernel");
  const Tensor labels = in.integers({6}, 8, "labels");
  const Tensor rate = in.floats({}, "rate");

  const Tensor xw = product(x, w);
  const Tensor hidden = relu(xw + in_columns(b, xw));
  const Tensor largest = max(x, {1});
  const Tensor position = expand(iota(x.executor(), 8), x.shape());
  const Tensor is_largest = map(ScalarOp::eq, {x, in_rows(largest, x)});
  const Tensor candidates =
      map(ScalarOp::where, {is_largest, position * number(-1, position), number(-8, position)});
  const Tensor picked = sum(x * cast(one_hot(labels, 8), Type::f32), {1});
  const Tensor losses = log_sum(x) - picked;
  const Tensor convolved = conv3x3(image, kernel);
  const Tensor pooled = reduce(Combine::max, reshape(relu(convolved), {2, 4, 3, 2, 3, 2}), {3, 5});
  const Tensor momentum = x * number(0.9, x) + y;
  const Tensor second = y * y + x * number(0.5, x);
  const Tensor decay = expand(reshape(exp2(rate), {1, 1}), x.shape());
  const Tensor stepped = x - decay * div(momentum, sqrt(second * second) + number(1, x));

  for (const Expected& expected : std::vector<Expected>{
           {"nothing but a leaf", {x}, 0},
           {"a copy", {permute(x, {1, 0})}, 1},
           {"a constant", {number(3, x)}, 1},
           {"an element-wise chain", {relu(x * y + x)}, 1},
           {"relu(xw + b)", {hidden}, 1},
           {"relu(xw + b), and xw itself", {hidden, xw}, 1},
           {"two layers", {product(hidden, v)}, 2},
           {"conv + relu", {relu(convolved)}, 1},
           {"conv + relu + max pooling", {pooled}, 2},
           {"two convolutions",
            {conv3x3(relu(conv3x3(image, in.floats({3, 3, 3, 3}))), kernel)},
            2},
           {"sum and max of one input", {sum(x, {1}), max(x, {1})}, 1},
           {"sums over different axes", {sum(x, {1}), sum(x, {0})}, 2},
           {"argmax", {max(candidates, {1})}, 1},
           {"variance", {variance(x)}, 1},
           {"softmax", {softmax(x)}, 1},
           {"log_softmax", {x - in_rows(log_sum(x), x)}, 1},
           {"layernorm", {layernorm(x, scale, shift)}, 1},
           {"cross-entropy's rows", {losses}, 1},
           {"cross-entropy", {sum(losses, {0})}, 2},
           {"attention's weights times values", {product(softmax(product(x, w)), v)}, 3},
           {"an optimizer's step", {momentum, second, stepped}, 1},
           {"a reshaped result", {reshape(relu(x), {48})}, 1},
           {"a result and its reshape", {relu(x), reshape(relu(x), {48})}, 2},
           {"two reshapes of a result", {reshape(relu(x), {48}), reshape(relu(x), {8, 6})}, 2},
           {"a row's result with an axis more", {sum(x, {1}), reshape(sum(x, {1}), {6, 1})}, 1},
           {"flattening before a product",
            {product(reshape(pooled, {2, 36}), in.floats({36, 3}))},
            3},
           {"an embedding and its product", {product(gather(x, labels, 0), w)}, 2},
           {"a gather of something computed", {gather(relu(x), labels, 0)}, 2},
           {"a scatter of row sums", {scatter(in.floats({8}), labels, sum(x, {1}), 0, true)}, 2},
       }) {
    CAPTURE(expected.what);
    const Fused result = fused(expected.wanted, in);
    CHECK(result.wrong == "");
    CHECK(result.kernels.size() == expected.kernels);
  }
}

TEST_CASE("a kernel whose code would be large is cut") {
  const auto chain = [](Inputs& in, int length, auto step) {
    Tensor x = in.floats({6});
    for (int i = 0; i < length; i++) x = step(x);
    return fused({x}, in);
  };
  const auto sin = [](const Tensor& x) { return map(ScalarOp::sin, {x}); };
  const auto through_integers = [](const Tensor& x) {
    return cast(cast(x, Type::i32), Type::f32) * number(0.5, x);
  };
  const auto squared = [](const Tensor& x) { return x * x + x; };  // uses x three times
  Inputs in;
  const Fused sines = chain(in, 30, sin);  // parts of at most nine; two parts share a kernel
  CHECK(sines.wrong == "");
  CHECK(sines.kernels.size() == 3);
  CHECK(chain(in, 8, sin).kernels.size() == 1);
  CHECK(chain(in, 80, through_integers).kernels.size() == 1);
  CHECK(chain(in, 100, squared).kernels.size() == 1);
}

TEST_CASE("the work of rules and fusion grows with the graph, not with its square") {
  struct Pattern {
    const char* what;
    std::vector<Tensor> (*repeated)(Inputs& in, int times);
  };
  const auto layers = [](Inputs& in, int times) {
    Tensor x = in.floats({8, 8});
    for (int i = 0; i < times; i++) x = softmax(x);
    return std::vector{x};
  };
  const auto iterations = [](Inputs& in, int times) {  // Sinkhorn's
    const Tensor k = in.floats({8, 8});
    Tensor v = in.floats({8});
    for (int i = 0; i < times; i++) {
      const Tensor u = div(number(1, v), sum(k * in_columns(v, k), {1}));
      v = div(number(1, u), sum(k * in_rows(u, k), {0}));
    }
    return std::vector{v};
  };
  const auto readers = [](Inputs& in, int times) {
    const Tensor x = exp2(in.floats({8, 8}));
    std::vector<Tensor> all;
    for (int i = 0; i < times; i++) all.push_back(sum(x + number(i, x), {1}));
    return all;
  };
  for (const Pattern& pattern : {Pattern{"layers", layers},
                                 {"iterations", iterations},
                                 {"readers of one tensor", readers}}) {
    const auto work = [&](int times) {
      Inputs in;
      std::vector<tenon::NodeRef> wanted;
      for (const Tensor& tensor : pattern.repeated(in, times)) wanted.push_back(tensor.node());
      const std::size_t before = allocations();
      fusion(apply_rules(wanted, in.executor.nodes()));
      return static_cast<double>(allocations() - before);
    };
    CAPTURE(pattern.what);
    CHECK(work(256) < 2.2 * work(128));
  }
}

TEST_CASE("a softmax computes its exponentials once, a row at a time") {
  Inputs in;
  const Fused result = fused({softmax(in.floats({6, 80}, "x"))}, in);
  REQUIRE(result.kernels.size() == 1);
  const std::string nest = checked_nest(result.kernels[0], in);
  CHECK(nest.find("exp2(") != std::string::npos);
  CHECK(nest.find("exp2(") == nest.rfind("exp2("));
  CHECK(nest.find("for i 6") == nest.rfind("for i 6"));
}

TEST_CASE("a kernel that would have to run before itself is two") {
  Inputs in;
  const Tensor x = in.floats({6, 8}, "x");
  const Tensor rows = sum(x, {1});                                     // [6]
  const Tensor mixed = in_columns(sum(x * in_rows(rows, x), {0}), x);  // needs all of rows
  const Fused result = fused({x * in_rows(rows, x) + mixed}, in);
  CHECK(result.wrong == "");
  CHECK(result.kernels.size() == 3);
}

TEST_CASE("an epilogue goes with its product, and what it reads of other rows does not") {
  Inputs in;
  const Tensor x = in.floats({6, 8}, "x"), w = in.floats({8, 5}, "w");
  const Tensor xw = product(x, w);
  const Fused result = fused({div(xw, in_rows(sum(x * x, {1}), xw))}, in);
  CHECK(result.wrong == "");
  REQUIRE(result.kernels.size() == 2);
  CHECK(result.kernels[1].locals.size() == 1);
}

TEST_CASE("values that are used twice, sixty times over, stay as many as they are") {
  Inputs in;
  Tensor x = in.floats({6}, "x");
  for (int step = 0; step < 60; step++) x = x * number(0.75, x) + x * number(0.25, x);
  const Fused result = fused({x}, in);
  CHECK(result.wrong == "");
  REQUIRE(result.kernels.size() == 1);
  CHECK(print(naive(result.kernels[0])).size() < 5000);
}

TEST_CASE("the text of a kernel names no buffer") {
  Inputs in;
  const auto text = [&](const char* left, const char* right) {
    const Tensor a = in.floats({4, 5}, left), b = in.floats({5, 3}, right);
    return canonical_text(fused({relu(product(a, b))}, in).kernels[0]);
  };
  CHECK(text("a", "b") ==
        "in0 f32[4,5]\n"
        "in1 f32[5,3]\n"
        "%0 = view(in0, shape=[4,3,5], map=[a0, a2])  # f32[4,3,5]\n"
        "%1 = view(in1, shape=[4,3,5], map=[a2, a1])  # f32[4,3,5]\n"
        "%2 = reduce(%0, %1, with=sum, axes=[2])  # f32[4,3]\n"
        "%3 = constant(value=0, type=f32)\n"
        "%4 = view(%3, shape=[4,3])  # f32[4,3]\n"
        "%5 = max(%2, %4)  # f32[4,3]\n"
        "local %2\n"
        "output %5\n");
  CHECK(text("a", "b") == text("c", "d"));
}
