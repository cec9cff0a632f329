#include "core/infer.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/tensor.h"
#include "ops/views.h"
#include "oracle/interpret_executor.h"

using namespace tenon;

namespace {

// The type and shape of the node, or why there can be no such node.
std::string inferred(Node::Detail detail, std::vector<NodeRef> inputs, Type type = Type::i32,
                     Shape shape = {}) {
  Node node{std::move(detail), type, std::move(shape), std::move(inputs)};
  try {
    infer(node);
  } catch (const std::exception& mistake) {
    const std::string text = mistake.what(), prefix = "broken invariant: ";
    const std::size_t place = text.find(prefix);
    return place == std::string::npos ? text : text.substr(place + prefix.size());
  }
  return text(node.type, node.shape);
}

}  // namespace

TEST_CASE("type and shape follow from the inputs, or the node cannot be") {
  InterpretExecutor executor;
  const NodeRef i = iota(executor, 6).node();
  const NodeRef f = cast(iota(executor, 6), Type::f32).node();
  const NodeRef b = cast(iota(executor, 6), Type::boolean).node();
  const NodeRef m = reshape(iota(executor, 6), {2, 3}).node();
  const Index a0 = Index::var(0), a1 = Index::var(1);

  CHECK(inferred(Map{ScalarOp::add}, {i, i}) == "i32[6]");
  CHECK(inferred(Map{ScalarOp::lt}, {f, f}) == "bool[6]");
  CHECK(inferred(Map{ScalarOp::where}, {b, f, f}) == "f32[6]");
  CHECK(inferred(Map{ScalarOp::cast}, {i}, Type::f32) == "f32[6]");
  CHECK(inferred(Map{ScalarOp::add}, {i}) == "add: takes 2 operands, not 1");
  CHECK(inferred(Map{ScalarOp::add}, {}) == "add: takes 2 operands, not 0");
  CHECK(inferred(Map{ScalarOp::add}, {i, m}) ==
        "add: shapes differ: [6] and [2,3]; expand them to one shape");
  CHECK(inferred(Map{ScalarOp::add}, {f, i}) == "add: operand 1 is f32, not i32; cast it");
  CHECK(inferred(Map{ScalarOp::div}, {i, i}) == "div: takes f32, not i32; cast the operand");
  CHECK(inferred(Map{ScalarOp::bitcast}, {i}, Type::boolean) ==
        "bitcast: takes f32, i32, not bool; cast the operand");
  CHECK(inferred(Map{ScalarOp::add}, {i, nullptr}) == "an input is missing");
  CHECK(inferred(IotaLeaf{}, {}, Type::i32, {4}) == "i32[4]");
  CHECK(inferred(IotaLeaf{}, {}, Type::i32, {-1}) ==
        "iota: the shape [-1] has a negative extent or over 2^60 elements");
  CHECK(inferred(IotaLeaf{}, {}, Type::i32, {INT64_MAX}) ==
        "iota: the shape [9223372036854775807] has a negative extent or over 2^60 elements");
  CHECK(inferred(View{{0}}, {i}, Type::i32, {0, 1LL << 32, 1LL << 32}) ==
        "view: the shape [0,4294967296,4294967296] has a negative extent or over 2^60 elements");
  CHECK(inferred(IotaLeaf{}, {i}, Type::i32, {2}) == "a leaf has no inputs");
  CHECK(inferred(IotaLeaf{}, {}, Type::i32, {2, 2}) == "iota has rank 1");
  CHECK(inferred(ConstantLeaf{0.1}, {}, Type::f32) == "f32[]");
  CHECK(inferred(ConstantLeaf{0.5}, {}) ==
        "constant: 0.5 is no i32 value; give one, or cast from f32");
  CHECK(inferred(BufferLeaf{nullptr, 0, ""}, {}, Type::f32, {2}) ==
        "the buffer of a leaf holds all elements");
  CHECK(inferred(BufferLeaf{executor.device().allocate(4), 0, ""}, {}, Type::f32, {2}) ==
        "the buffer of a leaf holds all elements");
  CHECK(inferred(Reduce{Combine::sum, {-1, 0}}, {m}) == "i32[]");
  CHECK(inferred(Reduce{Combine::max, {0}}, {m}) == "i32[3]");
  CHECK(inferred(Reduce{Combine::sum, {2}}, {m}) ==
        "sum: there is no axis 2 in [2,3]; axes are -2 to 1");
  CHECK(inferred(Reduce{Combine::sum, {1, -1}}, {m}) == "sum: an axis of [2,3] is named twice");
  CHECK(inferred(Reduce{Combine::sum, {0}}, {b}) ==
        "sum: takes f32, i32, not bool; cast the operand");
  CHECK(inferred(Reduce{Combine::max, {0}}, {i, i}) == "max: takes 1 operands, not 2");
  CHECK(inferred(Reduce{Combine::sum, {0}}, {i, m}) ==
        "sum_of_products: i32[6] and i32[2,3] must have one type and shape");
  CHECK(inferred(View{{a0}}, {i}, Type::i32, {4}) == "i32[4]");
  CHECK(inferred(View{{a0}}, {i}, Type::i32, {7}) ==
        "view: the map reaches 0 to 6 on axis 0 of [6]; restrict it with a range");
  CHECK(inferred(View{{a0 - 1}, {{a0, 1, 7}}}, {i}, Type::i32, {8}) == "i32[8]");
  const VarBounds eight = [](Var) { return Bounds{0, 7}; };
  CHECK(inferred(View{{mod(a0, 7, eight)}, {{a0, 0, 6}}}, {i}, Type::i32, {8}) == "i32[8]");
  CHECK(inferred(View{{mod(a0 * 3, 7, eight)}, {{a0, 0, 7}}}, {i}, Type::i32, {8}) ==
        "view: the map reaches 0 to 6 on axis 0 of [6]; restrict it with a range");
  CHECK(inferred(View{{a0 - 1}, {{a0, 1, 7}}, 0.5}, {i}, Type::i32, {8}) ==
        "fill: 0.5 is no i32 value; give one, or cast from f32");
  CHECK(inferred(View{{a0}}, {m}, Type::i32, {2, 3}) ==
        "view: the map has 1 indices, but the input [2,3] has 2 axes");
  CHECK(inferred(View{{a1}}, {i}, Type::i32, {6}) ==
        "view: the map uses axis 1, which the result [6] does not have");
  CHECK(inferred(View{{a0}, {{a1, 0, 2}}}, {i}, Type::i32, {6}) ==
        "view: the map uses axis 1, which the result [6] does not have");
  CHECK(inferred(Gather{1}, {i, i}) == "gather: there is no axis 1 in [6]; axes are -1 to 0");
  CHECK(inferred(Gather{0}, {i, f}) == "gather: the index is f32, not i32; cast it");
  CHECK(inferred(Gather{-1}, {m, i}) == "i32[2,6]");
  CHECK(inferred(Scatter{0, true}, {i, i, i}) == "i32[6]");
  CHECK(inferred(Scatter{0, true}, {b, i, b}) == "scatter: bool cannot be added; set it, or cast");
  CHECK(inferred(Scatter{0, true}, {i, i, m}) ==
        "scatter: the update is i32[2,3], not i32[6]: base i32[6], index i32[6], axis 0");
}

TEST_CASE("a pass that makes a broken node, or another than it means to, has a slip") {
  InterpretExecutor executor;
  const NodeRef i = iota(executor, 6).node();
  NodeTable& nodes = executor.nodes();
  CHECK_THROWS_AS(nodes.make(Map{ScalarOp::add}, Type::i32, {6}, {i}), InternalError);
  CHECK_THROWS_AS(nodes.make(Map{ScalarOp::add}, Type::i32, {5}, {i, i}), InternalError);
  CHECK_THROWS_AS(nodes.make(Map{ScalarOp::add}, Type::f32, {6}, {i, i}), InternalError);
}
