#include "core/node.h"

#include <cmath>

#include <doctest/doctest.h>

#include "core/tensor.h"
#include "oracle/interpret_executor.h"

using namespace tenon;

TEST_CASE("a node that exists is returned, not built again") {
  InterpretExecutor executor;
  const Tensor x = iota(executor, 5);
  CHECK(map(ScalarOp::add, {x, x}).node() == map(ScalarOp::add, {x, x}).node());
  const Tensor sum = map(ScalarOp::add, {x, x});
  CHECK(sum.node() == map(ScalarOp::add, {x, iota(executor, 5)}).node());
  CHECK(sum.node() != map(ScalarOp::mul, {x, x}).node());
  const Tensor zero = constant(executor, Type::f32, 0.0);
  CHECK(zero.node() != constant(executor, Type::f32, -0.0).node());
  const Tensor nan = constant(executor, Type::f32, NAN);
  CHECK(nan.node() == constant(executor, Type::f32, NAN).node());
}

TEST_CASE("the table holds nodes weakly") {
  InterpretExecutor executor;
  {
    Tensor chain = iota(executor, 1);
    for (int i = 0; i < 200000; i++) chain = map(ScalarOp::add, {chain, chain});
    CHECK(executor.nodes().size() == 200001);
  }
  CHECK(executor.nodes().size() == 0);
}

TEST_CASE("what a node was realized to goes with the node") {
  InterpretExecutor executor;
  std::weak_ptr<Buffer> buffer;
  {
    const Tensor x = iota(executor, 3);
    const Tensor lazy = map(ScalarOp::add, {x, x});
    const NodeRef node = lazy.node();
    lazy.realize();
    CHECK(lazy.node() != node);
    CHECK(executor.nodes().realized(*node) == lazy.node());
    // A later graph that is built on the old node reads the leaf.
    CHECK(Tensor(executor, node).realize().node() == lazy.node());
    buffer = lazy.node()->as<BufferLeaf>()->buffer;
  }
  CHECK(buffer.expired());
  CHECK(executor.nodes().size() == 0);
}

TEST_CASE("nodes may outlive their table") {
  NodeRef node;
  {
    InterpretExecutor executor;
    node = map(ScalarOp::add, {iota(executor, 3), iota(executor, 3)}).node();
    Tensor(executor, node).realize();
  }
  CHECK(node->inputs.size() == 2);
}
