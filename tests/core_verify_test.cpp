#include "core/verify.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/tensor.h"
#include "interpret_executor.h"

using namespace tenon;

namespace {

std::string fault_of(Node::Detail detail, Type type, Shape shape, std::vector<NodeRef> inputs) {
  return fault(Node{std::move(detail), type, std::move(shape), std::move(inputs)});
}

}  // namespace

TEST_CASE("every invariant of a node is checked") {
  InterpretExecutor executor;
  const NodeRef i = iota(executor, 6).node();
  const NodeRef f = cast(iota(executor, 6), Type::f32).node();
  const NodeRef b = cast(iota(executor, 6), Type::boolean).node();
  const NodeRef m = reshape(iota(executor, 6), {2, 3}).node();
  const Index a0 = Index::var(0);

  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {i, i}) == "");
  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {i}) == "wrong number of operands");
  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {i, m}) == "the shapes differ");
  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {f, i}) == "wrong operand type");
  CHECK(fault_of(Map{ScalarOp::div}, Type::i32, {6}, {i, i}) ==
        "the operation does not take this type");
  CHECK(fault_of(Map{ScalarOp::lt}, Type::i32, {6}, {i, i}) == "wrong result type");
  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {}) ==
        "leaves, and they alone, have no inputs");
  CHECK(fault_of(Map{ScalarOp::add}, Type::i32, {6}, {i, nullptr}) == "an input is missing");
  CHECK(fault_of(IotaLeaf{}, Type::i32, {-1}, {}) == "an extent is negative");
  CHECK(fault_of(IotaLeaf{}, Type::f32, {2}, {}) == "iota is i32 of rank 1");
  CHECK(fault_of(ConstantLeaf{0.1}, Type::f32, {}, {}) == "the constant is not of its type");
  CHECK(fault_of(ConstantLeaf{1}, Type::f32, {1}, {}) == "a constant has rank 0");
  CHECK(fault_of(BufferLeaf{nullptr, 0, ""}, Type::f32, {2}, {}) == "the buffer is missing");
  CHECK(fault_of(BufferLeaf{executor.device().allocate(4), 0, ""}, Type::f32, {2}, {}) ==
        "the buffer is too small");
  CHECK(fault_of(Reduce{Combine::sum, {0, 1}}, Type::i32, {}, {m}) == "");
  CHECK(fault_of(Reduce{Combine::sum, {1, 0}}, Type::i32, {}, {m}) == "the axes are wrong");
  CHECK(fault_of(Reduce{Combine::sum, {0}}, Type::i32, {2}, {m}) ==
        "the axes do not vanish from the shape");
  CHECK(fault_of(Reduce{Combine::sum, {0}}, Type::boolean, {}, {b}) == "wrong type");
  CHECK(fault_of(Reduce{Combine::max, {0}}, Type::i32, {}, {i, i}) ==
        "two inputs are for a sum of products");
  CHECK(fault_of(View{{a0}, {}, 0}, Type::i32, {6}, {i}) == "");
  CHECK(fault_of(View{{a0}, {}, 0}, Type::i32, {7}, {i}) == "the map leaves the input");
  CHECK(fault_of(View{{a0 - 1}, {{a0, 1, 7}}, 0}, Type::i32, {8}, {i}) == "");
  CHECK(fault_of(View{{a0}, {}, 0}, Type::i32, {2, 3}, {m}) == "the map has not an index per axis");
  CHECK(fault_of(View{{Index::var(1)}, {}, 0}, Type::i32, {6}, {i}) ==
        "the map uses an axis that is not there");
  CHECK(fault_of(Gather{1}, Type::i32, {6}, {i, i}) == "the axis is not there");
  CHECK(fault_of(Gather{0}, Type::i32, {6}, {i, f}) == "wrong type");
  CHECK(fault_of(Gather{0}, Type::i32, {5}, {i, i}) == "wrong shape");
  CHECK(fault_of(Scatter{0, true}, Type::i32, {6}, {i, i, i}) == "");
  CHECK(fault_of(Scatter{0, true}, Type::boolean, {6}, {b, i, b}) == "bool cannot be added");
  CHECK(fault_of(Scatter{0, true}, Type::i32, {6}, {i, i, m}) == "wrong shape");
}

TEST_CASE("the table refuses a broken node") {
  InterpretExecutor executor;
  const NodeRef i = iota(executor, 6).node();
  CHECK_THROWS_AS(executor.nodes().make(Map{ScalarOp::add}, Type::i32, {5}, {i, i}), InternalError);
}
