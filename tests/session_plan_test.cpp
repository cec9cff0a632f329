// Plans: which graphs share a plan, and how long buffers are kept.
#include <doctest/doctest.h>

#include "tuner/session/plan.h"

using namespace tenon;

namespace {

NodeRef leaf(NodeTable& table, const Shape& shape) {
  const auto bytes = static_cast<std::size_t>(elements(shape)) * sizeof(float);
  const auto buffer = std::make_shared<Buffer>(Buffer{nullptr, bytes});
  return table.make(BufferLeaf{buffer, 0, ""}, Type::f32, shape, {});
}
NodeRef add(NodeTable& table, const NodeRef& a, const NodeRef& b) {
  return table.make(Map{ScalarOp::add}, Type::f32, a->shape, {a, b});
}
NodeRef sum(NodeTable& table, const NodeRef& x, int axis) {
  Shape shape = x->shape;
  shape.erase(shape.begin() + axis);
  return table.make(Reduce{Combine::sum, {axis}}, Type::f32, shape, {x});
}
NodeRef shifted(NodeTable& table, const NodeRef& x, std::int64_t by, double fill) {
  const View view{{Index::var(0) + Index(by)}, {{Index::var(0), 0, 3}}, fill};
  return table.make(view, Type::f32, x->shape, {x});
}

std::string key(const NodeTable& table, const std::vector<NodeRef>& wanted) {
  return structure_of(wanted, table).key;
}

}  // namespace

TEST_CASE("graphs that differ in buffers alone have one structure") {
  NodeTable table;
  const NodeRef a = leaf(table, {4}), b = leaf(table, {4}), c = leaf(table, {4});
  CHECK(key(table, {add(table, a, b)}) == key(table, {add(table, b, c)}));
  CHECK(key(table, {add(table, a, b)}) == key(table, {add(table, b, a)}));
  CHECK(key(table, {sum(table, add(table, a, b), 0)}) ==
        key(table, {sum(table, add(table, c, a), 0)}));
}

TEST_CASE("everything else is part of the structure") {
  NodeTable table;
  const NodeRef a = leaf(table, {4}), b = leaf(table, {4}), m = leaf(table, {4, 4});
  const NodeRef one = table.make(ConstantLeaf{1}, Type::f32, {}, {});
  const NodeRef two = table.make(ConstantLeaf{2}, Type::f32, {}, {});
  const NodeRef zero = table.make(ConstantLeaf{0.0}, Type::f32, {}, {});
  const NodeRef minus_zero = table.make(ConstantLeaf{-0.0}, Type::f32, {}, {});
  const NodeRef iota = table.make(IotaLeaf{}, Type::i32, {4}, {});
  const std::vector<std::vector<NodeRef>> different = {
      {add(table, a, b)},
      {add(table, a, a)},
      {a},
      {a, b},
      {a, a},
      {leaf(table, {5})},
      {m},
      {one},
      {two},
      {zero},
      {minus_zero},
      {iota},
      {table.make(Map{ScalarOp::mul}, Type::f32, {4}, {a, b})},
      {table.make(Map{ScalarOp::lt}, Type::boolean, {4}, {a, b})},
      {sum(table, m, 0)},
      {sum(table, m, 1)},
      {table.make(Reduce{Combine::max, {0}}, Type::f32, {4}, {m})},
      {shifted(table, a, 0, 0)},
      {shifted(table, a, 1, 0)},
      {shifted(table, a, 1, 1)},
  };
  for (std::size_t i = 0; i < different.size(); ++i)
    for (std::size_t j = 0; j < different.size(); ++j)
      CHECK((key(table, different[i]) == key(table, different[j])) == (i == j));
}

TEST_CASE("a realized node counts as its leaf") {
  NodeTable table;
  const NodeRef a = leaf(table, {4}), b = leaf(table, {4});
  const NodeRef inner = add(table, a, b);
  const NodeRef outer = add(table, inner, a);
  const NodeRef held = leaf(table, {4});
  table.set_realized(inner, held);
  const Structure structure = structure_of(std::vector<NodeRef>{outer}, table);
  CHECK(structure.leaves == std::vector<NodeRef>{held, a});
  CHECK(structure.key == key(table, {add(table, b, a)}));
}

TEST_CASE("a deep graph does not exhaust the stack") {
  NodeTable table;
  const NodeRef a = leaf(table, {4});
  NodeRef node = a;
  for (int i = 0; i < 200'000; ++i) node = add(table, node, a);
  CHECK(structure_of(std::vector<NodeRef>{node}, table).leaves.size() == 1);
}

TEST_CASE("buffers between kernels go back after their last reader") {
  NodeTable table;
  const NodeRef a = leaf(table, {4}), b = leaf(table, {4});
  const NodeRef first = add(table, a, b), second = add(table, first, b),
                third = add(table, second, first);
  const KernelGraph kernels[] = {
      {{a, b}, {}, {first}}, {{first, b}, {}, {second}}, {{second, first}, {}, {third}}};
  std::vector<NodeRef> leaves = {a, b};
  const Plan plan = place(std::vector<NodeRef>{third, second, a}, kernels, leaves);
  CHECK(leaves.size() == 2);
  REQUIRE(plan.steps.size() == 3);
  CHECK(plan.written.size() == 3);
  CHECK(plan.written[0] == 16);
  CHECK(plan.steps[0].slots == std::vector<int>{0, 1, 2});
  CHECK(plan.steps[1].slots == std::vector<int>{2, 1, 3});
  CHECK(plan.steps[2].slots == std::vector<int>{3, 2, 4});
  CHECK(plan.steps[0].last_used.empty());
  CHECK(plan.steps[1].last_used.empty());
  CHECK(plan.steps[2].last_used == std::vector<int>{2});  // `second` is wanted and stays
  CHECK(plan.results == std::vector<int>{4, 3, 0});
}
