#include "ops/catalogue.h"

#include <fstream>
#include <set>
#include <sstream>

#include "core/error.h"
#include "ops/arguments.h"
#include "ops/convolution.h"
#include "ops/normalization.h"
#include "ops_helpers.h"
#include "text/parse_graph.h"

using namespace tenon;

TEST_CASE("a signature says operands and attributes") {
  const Signature signature("layernorm(x, y?, axes=[1,2], epsilon=1e-5)");
  CHECK(signature.name == "layernorm");
  CHECK(signature.least == 1);
  CHECK(signature.most == 2);
  REQUIRE(signature.attributes.size() == 2);
  CHECK(signature.attributes[0].first == "axes");
  CHECK(signature.attributes[0].second == "[1,2]");
  CHECK(Signature("concat(x, ..., axis=0)").least == 1);
  CHECK(Signature("concat(x, ..., axis=0)").most == SIZE_MAX);
}

TEST_CASE("operations are built by name") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, sample(6));
  const Tensor image = floats(executor, {1, 1, 4, 4}, sample(16));
  const Tensor weights = floats(executor, {1, 1, 3, 3}, sample(9));
  CHECK(compose({"softmax", {x}, {{"axis", 0.0}}}).node() == softmax(x, 0).node());
  CHECK(compose({"add", {x, x}, {}}).node() == (x + x).node());
  CHECK(compose({"max", {x}, {{"keepdims", "true"}}}).node() == max(x, {}, true).node());
  CHECK(compose({"max", {x, x}, {}}).node() == maximum(x, x).node());
  CHECK(compose({"sum", {x}, {{"axes", std::vector<double>{-1, 0}}}}).node() ==
        sum(x, {0, 1}).node());
  CHECK(compose(
            {"conv2d", {image, weights}, {{"stride", std::vector<double>{2, 1}}, {"padding", 1.0}}})
            .node() == conv2d(image, weights, {.stride = {2, 1}, .padding = 1}).node());
  CHECK(compose({"max_pool2d", {image}, {{"size", 2.0}}}).node() == max_pool2d(image, 2).node());
  CHECK(compose({"sofmax", {x}, {}}).is_empty());
}

TEST_CASE("calls that do not fit show the signature") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2, 3}, sample(6));
  CHECK_THROWS_WITH_AS(compose({"softmax", {x, x}, {}}),
                       "softmax: got 2 operands; it is softmax(x, axis=-1)", Error);
  CHECK_THROWS_WITH_AS(compose({"softmax", {x}, {{"axes", 1.0}}}),
                       "softmax: no attribute 'axes'; it is softmax(x, axis=-1)", Error);
  CHECK_THROWS_WITH_AS(compose({"softmax", {x}, {{"axis", 0.5}}}),
                       "softmax: axis must be a whole number; it is softmax(x, axis=-1)", Error);
  CHECK_THROWS_WITH_AS(compose({"argmax", {x}, {{"keepdims", 1.0}}}),
                       "argmax: keepdims must be true or false; it is argmax(x, axis=-1, "
                       "keepdims=false)",
                       Error);
  CHECK_THROWS_WITH_AS(compose({"one_hot", {x}, {{"classes", 1e12}}}),
                       "one_hot: classes is 1000000000000; it must be below 2^31", Error);
  CHECK_THROWS_WITH_AS(compose({"one_hot", {x}, {}}),
                       "one_hot: needs classes; it is one_hot(labels, classes=N)", Error);
  CHECK_THROWS_WITH_AS(compose({"gelu", {x}, {{"form", "fast"}}}),
                       "gelu: form is 'fast'; it may be erf or tanh", Error);
  CHECK_THROWS_WITH_AS(compose({"max", {x, x}, {{"axes", 0.0}}}),
                       "max: axes and keepdims are for one operand, not for pairs of elements of "
                       "two",
                       Error);
  CHECK_THROWS_WITH_AS(compose({"max_pool2d", {x}, {{"size", std::vector<double>{1, 2, 3}}}}),
                       "max_pool2d: size must be one number, or two as in [2,1]: down and across",
                       Error);
  const std::vector<double> wide{9e18};
  CHECK_THROWS_WITH_AS(compose({"pad", {x}, {{"before", wide}, {"after", wide}}}),
                       "view: the shape [4611686018427387906,3] has a negative extent or over 2^60 "
                       "elements",
                       Error);
  CHECK_THROWS_WITH_AS(compose({"reshape", {x}, {{"shape", std::vector<double>{2, 0.5}}}}),
                       "reshape: shape holds 0.5, no whole number", Error);
  CHECK_THROWS_WITH_AS(compose({"expand", {x}, {{"shape", std::vector<double>{0x1p62, 3}}}}),
                       "expand: shape holds 4611686018427387904, beyond 2^60", Error);
  CHECK_THROWS_WITH_AS(compose({"expand", {x}, {}}),
                       "expand: needs shape; it is expand(x, shape=S)", Error);
  const Tensor seed = constant(executor, Type::f32, 20241127);
  CHECK_THROWS_WITH_AS(compose({"uniform", {seed}, {{"shape", 2.0}}}),
                       "uniform: 20241128 is no whole number below 2^24; write the seed as "
                       "constant(value=N, type=i32)",
                       Error);
}

TEST_CASE("a graph file uses the operations by name") {
  InterpretExecutor executor;
  const auto parse = [&](std::string_view text) {
    const auto input = [&](const InputLine& line) {
      return floats(executor, line.shape, sample(elements(line.shape)));
    };
    return parse_graph(text, "net.txt", executor, input, compose, operation_names());
  };
  const GraphText graph = parse(
      "a = input f32[6,4]\n"
      "w = input f32[4,3]\n"
      "p = softmax(add(relu(matmul(a, w)), 1), axis=-1)\n"
      "output p\n");
  check_close(sum(graph.outputs[0], 1).to_vector<float>(), {1, 1, 1, 1, 1, 1}, 1e-6);
  const GraphText drawn = parse("n = normal(7, shape=[2,3])\nm = max(n, 0)\noutput m\n");
  CHECK(drawn.outputs[0].shape() == Shape{2, 3});
  CHECK_THROWS_WITH_AS(parse("a = input f32[2]\nb = sofmax(a)\noutput b\n"),
                       "net.txt:2: unknown operation sofmax; did you mean softmax?", Error);
  CHECK_THROWS_WITH_AS(parse("a = input f32[2]\nb = one_hot(a)\noutput b\n"),
                       "net.txt:2: one_hot: needs classes; it is one_hot(labels, classes=N)",
                       Error);
}

TEST_CASE("every name stands in the table once") {
  std::set<std::string> names;
  for (const OperationLine& line : operation_lines()) {
    CHECK(names.insert(std::string(Signature(line.signature).name)).second);
    CHECK_FALSE(line.summary.empty());
  }
  CHECK(names.size() >= 25);
}

TEST_CASE("docs/operations.md is the table") {
  const std::string path = std::string(TENON_TESTS) + "/../docs/operations.md";
  std::ifstream file(path);
  std::stringstream found;
  found << file.rdbuf();
  const std::string page = operations_page();
  if (found.str() != page) {
    // Writes the page as it should be to the current folder; copy it over the old one.
    std::ofstream("operations.md") << page;
    FAIL(
        "docs/operations.md differs from the table in ops/catalogue.cpp; replace it by the "
        "operations.md written here");
  }
}
