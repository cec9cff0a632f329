// The interpreter of single elements gives the values of the interpreter of whole graphs.
#include "oracle/interpret_elements.h"

#include <doctest/doctest.h>

#include "lower_support.h"
#include "ops/catalogue.h"
#include "oracle/interpret.h"
#include "text/parse_graph.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

// How many elements of the outputs differ, and how many there are.
std::pair<int, int> differing(const std::string& text, std::int64_t most = 1000000) {
  Inputs inputs;
  const GraphText graph = parse_graph(
      text, "graph", inputs.executor,
      [&](const InputLine& line) {
        return line.type == Type::f32 ? inputs.floats(line.shape) : inputs.integers(line.shape, 5);
      },
      compose);
  int count = 0, different = 0;
  for (const Tensor& output : graph.outputs) {
    const auto whole = interpret(std::vector{output.node()}, inputs.executor.device())[0];
    ElementInterpreter elements(inputs.executor.device(), most);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const auto value = elements.element(output.node(), static_cast<std::int64_t>(i));
      ++count;
      different += value != whole[i];
    }
  }
  return {different, count};
}

}  // namespace

TEST_CASE("each element has the value that the whole has") {
  for (const char* text :
       {"a = input f32[6,9]\nb = input f32[9,7]\nc = softmax(matmul(a, b), axis=-1)\noutput c\n",
        "x = input f32[2,3,8,9]\nw = input f32[4,3,3,3]\ny = conv2d(x, w, stride=2, padding=1)\n"
        "z = max_pool2d(y, size=2)\noutput y, z\n",
        "x = input f32[5,4]\ni = input i32[7]\ny = gather(x, i, axis=0)\n"
        "z = scatter(x, i, y, axis=0, mode=add)\noutput y, z\n",
        "x = input i32[5,4]\ny = concat(x, x, axis=1)\nz = max(y, axes=[0])\noutput y, z\n"}) {
    CAPTURE(text);
    const auto [different, count] = differing(text);
    CHECK(different == 0);
    CHECK(count > 0);
  }
}

TEST_CASE("an element that depends on too much is not computed") {
  const auto [different, count] =
      differing("a = input f32[6,9]\nb = sum(exp(a), axes=[1])\noutput b\n", 5);
  CHECK(different == count);
}
