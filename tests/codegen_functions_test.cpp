// exp2, log2, sin and sqrt as compiled, against double precision: every 251st f32 by default, and
// all 2^32 with TENON_EXHAUSTIVE=1 in the environment.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdlib>

#include "codegen/cpu_device.h"
#include "codegen/scalar_functions.h"
#include "compiled.h"

using namespace tenon;

namespace {

// The arithmetic of scalar_functions.h on the host.
struct HostArithmetic {
  using Float = float;
  using Int = std::uint32_t;
  using Mask = bool;
  static float number(float value) { return value; }
  static Int integer(Int value) { return value; }
  static float add(float a, float b) { return a + b; }
  static float sub(float a, float b) { return a - b; }
  static float mul(float a, float b) { return a * b; }
  static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  static Int iadd(Int a, Int b) { return a + b; }
  static Int isub(Int a, Int b) { return a - b; }
  static Int imul(Int a, Int b) { return a * b; }
  static Int high(Int a, Int b) { return (std::uint64_t{a} * b) >> 32; }
  static Int iand(Int a, Int b) { return a & b; }
  static Int ior(Int a, Int b) { return a | b; }
  static Int ixor(Int a, Int b) { return a ^ b; }
  static Int shl(Int a, Int count) { return a << count; }
  static Int shr(Int a, Int count) { return a >> count; }
  static Int bits(float a) { return std::bit_cast<Int>(a); }
  static float from_bits(Int a) { return std::bit_cast<float>(a); }
  static float convert(Int a) { return static_cast<float>(static_cast<std::int32_t>(a)); }
  static bool less(float a, float b) { return a < b; }
  static bool less(Int a, Int b) {
    return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
  }
  template <typename T>
  static T select(bool mask, T a, T b) {
    return mask ? a : b;
  }
  static bool has_scale() { return false; }
  static float scale(float a, float n) { return std::ldexp(a, static_cast<int>(n)); }
};

constexpr std::int64_t chunk = 1 << 16;

// y = f(x), 16 lanes at a time.
FinishedKernel apply_to_all(ScalarOp op) {
  NestBuilder nest("function");
  const int x = nest.input("x", {chunk}), y = nest.output("y", {chunk});
  const Var i = nest.axis("i", chunk / 16), lane = nest.axis("lane", 16, Tag::vector);
  const Index at = Index::var(i) * 16 + Index::var(lane);
  nest.loop(i, [&] {
    nest.loop(lane, [&] {
      nest.store(y, {at}, NestBuilder::apply(op, Type::f32, {nest.load(x, {at})}));
    });
  });
  return nest.finished();
}

struct Worst {
  double ulps = 0;
  float at = 0;
  std::int64_t differing = 0;  // elements with other bits than on the host, or wrongly NaN or inf
};

// The distance of two f32 next to `exact`.
double unit(double exact) {
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::ldexp(1.0, exponent - 23);
}

template <typename Exact, typename Host>
Worst compare(ScalarOp op, Isa isa, Exact exact, Host host) {
  const auto device = cpu_device(1);
  const auto program = device->load(compiled(apply_to_all(op), isa));
  const std::uint64_t step = std::getenv("TENON_EXHAUSTIVE") ? 1 : 251;
  std::vector<float> x(chunk), y(chunk);
  void* const buffers[] = {x.data(), y.data()};
  Worst worst;
  for (std::uint64_t start = 0; start < std::uint64_t{1} << 32; start += step * chunk) {
    for (std::int64_t i = 0; i < chunk; i++)
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(start + step * i));
    device->launch(*program, buffers, {});
    for (std::int64_t i = 0; i < chunk; i++) {
      const double wanted = exact(static_cast<double>(x[i]));
      const auto rounded = static_cast<float>(wanted);
      const float on_host = host(x[i]);
      const bool same = std::isnan(y[i]) ? std::isnan(on_host)
                                         : std::bit_cast<int>(y[i]) == std::bit_cast<int>(on_host);
      bool wrong = !same || std::isnan(y[i]) != std::isnan(wanted);
      if (rounded == 0 && y[i] == 0) wrong |= std::signbit(rounded) != std::signbit(y[i]);
      if (!std::isnan(wanted) && y[i] != rounded) {
        const double ulps = std::isinf(rounded) || std::isinf(y[i])
                                ? HUGE_VAL
                                : std::abs(y[i] - wanted) / unit(wanted);
        if (ulps > worst.ulps) worst.ulps = ulps, worst.at = x[i];
      }
      worst.differing += wrong;
    }
  }
  return worst;
}

template <typename Exact, typename Host>
void check_function(ScalarOp op, double bound, Exact exact, Host host) {
  for (const Isa isa : isas()) {
    const Worst worst = compare(op, isa, exact, host);
    MESSAGE(info(op).name, " ", name(isa), ": at most ", worst.ulps, " ULP, at ", worst.at);
    CHECK(worst.ulps <= bound);
    CHECK(worst.differing == 0);
    // The other Isas must give the host's bits too, so one Isa is enough for the whole range.
    if (std::getenv("TENON_EXHAUSTIVE")) break;
  }
}

}  // namespace

TEST_CASE("exp2 is within 1 ULP over all of f32") {
  HostArithmetic host;
  check_function(
      ScalarOp::exp2, 1, [](double x) { return std::exp2(x); },
      [&](float x) { return exp2(host, x); });
}

TEST_CASE("log2 is within 1 ULP over all of f32") {
  HostArithmetic host;
  check_function(
      ScalarOp::log2, 1, [](double x) { return std::log2(x); },
      [&](float x) { return log2(host, x); });
}

TEST_CASE("sin is within 1.08 ULP over all of f32") {
  HostArithmetic host;
  check_function(
      ScalarOp::sin, 1.08, [](double x) { return std::sin(x); },
      [&](float x) { return sin(host, x); });
}

TEST_CASE("sqrt is correctly rounded") {
  check_function(
      ScalarOp::sqrt, 0.5, [](double x) { return std::sqrt(x); },
      [](float x) { return std::sqrt(x); });
}
