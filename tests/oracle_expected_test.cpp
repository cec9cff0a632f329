// The samples of expected_of() have the values that the interpreter of whole graphs computes. They
// differ by no more than their tolerances, and the tolerances are small.
#include "oracle/expected.h"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include "lower_support.h"
#include "ops/catalogue.h"
#include "oracle/interpret.h"
#include "text/parse_graph.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

struct Outcome {
  std::size_t samples = 0, wrong = 0;
  double largest_tolerance = 0;
};

Outcome outcome_of(const std::string& text, std::int64_t samples = 1000) {
  Inputs inputs;
  const GraphText graph = parse_graph(
      text, "graph", inputs.executor,
      [&](const InputLine& line) {
        return line.type == Type::f32 ? inputs.floats(line.shape) : inputs.integers(line.shape, 5);
      },
      compose);
  const auto expected = expected_of(graph.outputs, samples);
  REQUIRE(expected);
  Outcome outcome;
  for (std::size_t output = 0; output < graph.outputs.size(); ++output) {
    const auto whole =
        interpret(std::vector{graph.outputs[output].node()}, inputs.executor.device())[0];
    for (const Sample& sample : (*expected)[output].samples) {
      ++outcome.samples;
      outcome.wrong += !(std::abs(whole[sample.element] - sample.value) <= sample.tolerance);
      outcome.largest_tolerance = std::max(outcome.largest_tolerance, sample.tolerance);
    }
  }
  return outcome;
}

}  // namespace

TEST_CASE("each sample has the value that the whole has") {
  for (const char* text :
       {"a = input f32[6,9]\nb = input f32[9,7]\nc = softmax(matmul(a, b), axis=-1)\noutput c\n",
        "x = input f32[2,3,8,9]\nw = input f32[4,3,3,3]\ny = conv2d(x, w, stride=2, padding=1)\n"
        "z = max_pool2d(y, size=2)\noutput y, z\n",
        "x = input f32[5,4]\ni = input i32[7]\ny = gather(x, i, axis=0)\n"
        "z = scatter(x, i, y, axis=0, mode=add)\noutput y, z\n"}) {
    CAPTURE(text);
    const Outcome outcome = outcome_of(text);
    CHECK(outcome.wrong == 0);
    CHECK(outcome.samples > 20);
    CHECK(outcome.largest_tolerance < 1e-4);
  }
}

TEST_CASE("integers are exact, also where a Scatter sets or adds") {
  const Outcome outcome = outcome_of(
      "x = input i32[3,5,4]\ni = input i32[7]\nu = input i32[3,7,4]\n"
      "a = scatter(x, i, u, axis=1, mode=add)\ns = scatter(x, i, u, axis=1, mode=set)\n"
      "y = concat(x, x, axis=1)\nm = max(y, axes=[0])\noutput a, s, y, m\n");
  CHECK(outcome.wrong == 0);
  CHECK(outcome.largest_tolerance == 0);
}

TEST_CASE("as many samples as asked for, from the first element to the last") {
  CHECK(outcome_of("a = input f32[100]\nb = relu(a)\noutput b\n", 16).samples == 16);
  CHECK(outcome_of("a = input f32[7]\nb = relu(a)\noutput b\n", 16).samples == 7);
}
