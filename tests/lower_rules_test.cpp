#include "lower/rules.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "core/print_graph.h"
#include "lower_support.h"
#include "ops/views.h"
#include "oracle/interpret.h"

using namespace tenon_test;
using tenon::Combine;
using tenon::NodeRef;
using tenon::ScalarOp;
using tenon::Type;

namespace {

struct Row {
  Tensor before, after;
};

NodeRef rewritten(const Tensor& x, Inputs& in) {
  const NodeRef node = x.node();
  return apply_rules({&node, 1}, in.executor.nodes())[0];
}

// Checks that each left side becomes the right side, as the same node, and has the same values.
// `tolerance`: the relative difference allowed, for rules that change the rounding.
void check_rules(const std::vector<Row>& rows, Inputs& in, double tolerance = 0) {
  for (std::size_t row = 0; row < rows.size(); row++) {
    CAPTURE(row);
    CHECK(rewritten(rows[row].before, in) == rows[row].after.node());
    const std::vector<NodeRef> both{rows[row].before.node(), rows[row].after.node()};
    const auto values = interpret(both, in.executor.device());
    for (std::size_t i = 0; i < values[0].size(); i++) {
      const double before = values[0][i], after = values[1][i];
      const bool equal = before == after && std::signbit(before) == std::signbit(after);
      CHECK((equal || std::abs(before - after) <= tolerance * std::abs(before)));
    }
  }
}

}  // namespace

TEST_CASE("operations with a constant vanish where bits agree") {
  Inputs in;
  const Tensor x = in.floats({3, 4}), n = in.integers({3, 4}, 9);
  const Tensor p = map(ScalarOp::lt, {n, number(4, n)});
  const Tensor yes = number(1, p), no = number(0, p);
  check_rules(
      {
          {x * number(1, x), x},
          {number(1, x) * x, x},
          {map(ScalarOp::div, {x, number(1, x)}), x},
          {x + number(-0.0, x), x},
          {n + number(0, n), n},
          {map(ScalarOp::idiv, {n, number(1, n)}), n},
          {map(ScalarOp::shl, {n, number(0, n)}), n},
          {map(ScalarOp::bit_or, {n, number(0, n)}), n},
          {map(ScalarOp::bit_and, {n, number(-1, n)}), n},
          {map(ScalarOp::bit_or, {p, no}), p},
          {n * number(0, n), number(0, n)},
          {map(ScalarOp::bit_and, {p, no}), no},
          {map(ScalarOp::where, {yes, x, number(2, x)}), x},
          {map(ScalarOp::where, {no, number(2, x), x}), x},
          {map(ScalarOp::where, {p, x, x}), x},
          {cast(cast(p, Type::i32), Type::f32), cast(p, Type::f32)},
          {cast(cast(p, Type::f32), Type::boolean), p},
          {bitcast(bitcast(x, Type::i32), Type::f32), x},
          {number(2, x) * number(3, x) + number(1, x), number(7, x)},
      },
      in);
}

TEST_CASE("operations with a constant stay where bits differ") {
  Inputs in;
  const Tensor x = in.floats({3, 4}), n = in.integers({3, 4}, 9);
  for (const Tensor& kept :
       {x + number(0, x), x * number(0, x), map(ScalarOp::shl, {number(0, n), n}),
        cast(cast(x, Type::i32), Type::f32), map(ScalarOp::idiv, {number(1, n), n})})
    CHECK(rewritten(kept, in) == kept.node());
}

TEST_CASE("views of views are one view") {
  Inputs in;
  const Tensor x = in.floats({3, 4});
  check_rules(
      {
          {permute(permute(x, {1, 0}), {1, 0}), x},
          {reshape(reshape(x, {12}), {3, 4}), x},
          {flip(flip(x, {1}), {1}), x},
          {slice(slice(x, {{1, 3}}), {{0, 1}}), slice(x, {{1, 2}})},
          {pad(pad(x, {{1, 0}}), {{1, 0}}), pad(x, {{2, 0}})},
          {expand(reshape(number(2, x), {3, 4, 1}), {3, 4, 5}),
           constant(in.executor, Type::f32, 2, {3, 4, 5})},
          {pad(number(2, x), {{1, 1}}, 2), constant(in.executor, Type::f32, 2, {5, 4})},
          {slice(pad(x, {{2, 2}}), {{2, 5}}), x},
      },
      in);
  const Tensor two_fills = pad(pad(x, {{1, 0}}, 5), {{1, 0}}, 6);
  CHECK(rewritten(two_fills, in) == two_fills.node());
}

TEST_CASE("reductions are brought to their one form") {
  Inputs in;
  const Tensor x = in.floats({3, 4}), y = in.floats({3, 4});
  const Tensor deep = reshape(x, {3, 1, 4});
  const Tensor repeated = expand(reshape(x, {3, 4, 1}), {3, 4, 5});
  check_rules(
      {
          {sum(x * y, {1}), sum_of_products(x * y, {1})},
          {sum(reshape(x * y, {12}), {0}),
           sum_of_products(reshape(x, {12}) * reshape(y, {12}), {0})},
          {sum(pad(x * y, {{1, 1}}), {0}),
           sum_of_products(pad(x, {{1, 1}}) * pad(y, {{1, 1}}), {0})},
          {sum(deep, {1}), x + number(0, x)},
          {max(deep, {1}), x},
          {sum(deep, {1, 2}), sum(x, {1})},
          {max(repeated, {2}), x},
          {sum(repeated, {1, 2}), sum(x, {1}) * number(5, sum(x, {1}))},
      },
      in, 1e-6);
  const Tensor n = in.integers({3, 4}, 9);
  const Tensor integers = sum(n * n, {1});
  CHECK(rewritten(integers, in) == integers.node());
}

TEST_CASE("what was realized is read from its leaf") {
  Inputs in;
  const Tensor x = in.floats({3, 4});
  const Tensor y = exp2(x);
  const Tensor z = y + y;
  const NodeRef before = y.node();
  const NodeRef leaf = in.executor.realize({&before, 1})[0];
  CHECK(rewritten(z, in)->inputs[0] == leaf);
}
