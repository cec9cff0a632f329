// The suite map: element-wise chains over one axis, in the caches and out of them. A case is
// affine_relu:N for relu(x*a + b) with numbers a and b, add:N for x + y, or gelu:N with tanh.

#include <cmath>
#include <numbers>

#include "bench/peers.h"
#include "bench/suite.h"
#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/functions.h"

namespace tenon::bench {

namespace {

double gelu_in_double(double x) {
  const double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  return 0.5 * x * (1 + std::tanh(root * (x + 0.044715 * x * x * x)));
}

struct Chain {
  MapKind kind;
  double flops;   // an element
  double arrays;  // read and written
};

Chain parse_kind(std::string_view suite_case, std::string_view kind) {
  if (kind == "affine_relu") return {MapKind::affine_relu, 3, 2};
  if (kind == "add") return {MapKind::add, 1, 3};
  if (kind == "gelu") return {MapKind::gelu, 12, 2};
  fail("map: case {}: write affine_relu:N, add:N or gelu:N, where N is a number of elements",
       suite_case);
}

// a and b are numbers for affine_relu, a is the second operand of add.
std::function<Tensor()> graph_of(MapKind kind, const Tensor& x, const Tensor& a, const Tensor& b) {
  switch (kind) {
    case MapKind::affine_relu:
      return [=] { return relu(x * a + b); };
    case MapKind::add:
      return [=] { return x + a; };
    case MapKind::gelu:
      return [=] { return gelu(x, Gelu::tanh); };
  }
  return {};
}

double value_of(MapKind kind, double x, double a, double b) {
  switch (kind) {
    case MapKind::affine_relu:
      return std::max(x * a + b, 0.0);
    case MapKind::add:
      return x + a;
    case MapKind::gelu:
      return gelu_in_double(x);
  }
  return 0;
}

Case make_case(Session& session, std::string_view name) {
  const auto [kind, size] = at_colon(name);
  const Chain chain = parse_kind(name, kind);
  const std::vector<std::int64_t> sizes = parse_sizes(size, 1);
  if (sizes.empty()) fail("map: case {}: write the number of elements, as in {}:65536", name, kind);
  const std::int64_t count = sizes[0];
  const bool scalar = chain.kind != MapKind::add;
  Operands operands(session);
  const Tensor x = operands.uniform({count}, -4, 4);
  const Tensor a = operands.uniform(scalar ? Shape{} : Shape{count});
  const Tensor b = operands.uniform({});
  auto value = [=, x = data(x), a = data(a), b = data(b)](std::int64_t i) {
    return value_of(chain.kind, x[i], scalar ? a[0] : a[i], b[0]);
  };
  // Operands are at most 4; a few roundings, and for gelu the peers' tanh.
  const double tolerance = chain.kind == MapKind::gelu ? 1e-5 : 1e-6;
  return {chain.flops * static_cast<double>(count),
          4 * chain.arrays * static_cast<double>(count),
          LimitedBy::copy,
          graph_of(chain.kind, x, a, b),
          map_peers(session.device(), {chain.kind, count, data(x), data(a), data(b)}),
          {value, [tolerance](std::int64_t, double) { return tolerance; }}};
}

}  // namespace

bool run_map(const Options& options) {
  return run_cases("map", options,
                   {"affine_relu:16384", "affine_relu:1048576", "affine_relu:33554432", "add:16384",
                    "add:1048576", "add:33554432", "gelu:16384", "gelu:1048576", "gelu:33554432"},
                   make_case);
}

}  // namespace tenon::bench
