#include "ops/functions.h"

#include <limits>

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

using Unary = Tensor (*)(const Tensor&);
struct Row {
  const char* name;
  Unary function;
  double (*exact)(double);
  double low, high;
  double tolerance;  // relative where the value is above 1, absolute below
};

double softplus_of(double x) { return std::log1p(std::exp(x)); }
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_of(double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2)); }
double tanh_gelu_of(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
Tensor erf_gelu(const Tensor& x) { return gelu(x); }
Tensor tanh_gelu(const Tensor& x) { return gelu(x, Gelu::tanh); }

const Row rows[] = {
    {"exp", exp, [](double x) { return std::exp(x); }, -80, 80, 6e-6},
    {"log", log, [](double x) { return std::log(x); }, 0.01, 1000, 2e-7},
    {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 0.01, 1000, 1e-7},
    {"square", square, [](double x) { return x * x; }, -10, 10, 1e-7},
    {"sin", sin, [](double x) { return std::sin(x); }, -100, 100, 2e-7},
    {"cos", cos, [](double x) { return std::cos(x); }, -100, 100, 3e-7},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, -10, 10, 2e-7},
    {"sigmoid", sigmoid, sigmoid_of, -30, 30, 2e-7},
    {"softplus", softplus, softplus_of, -30, 30, 3e-7},
    {"relu", relu, [](double x) { return std::max(x, 0.0); }, -5, 5, 0},
    {"silu", silu, [](double x) { return x * sigmoid_of(x); }, -30, 30, 5e-7},
    {"erf", erf, [](double x) { return std::erf(x); }, -6, 6, 4e-7},
    {"gelu", erf_gelu, gelu_of, -8, 8, 6e-7},
    {"gelu, tanh form", tanh_gelu, tanh_gelu_of, -8, 8, 6e-7},
};

}  // namespace

TEST_CASE("functions are close to the exact ones") {
  InterpretExecutor executor;
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Floats at = sample(200, row.low, row.high);
    std::vector<double> expected;
    for (float x : at) expected.push_back(row.exact(x));
    check_close(row.function(floats(executor, {200}, at)).to_vector<float>(), expected,
                row.tolerance);
  }
}

TEST_CASE("tails and small values keep their relative precision") {
  InterpretExecutor executor;
  const auto relative = [&](Unary function, double (*exact)(double), double x) {
    const float rounded = static_cast<float>(x);
    const double expected = exact(rounded);
    return std::fabs(function(floats(executor, {}, {rounded})).item<float>() / expected - 1);
  };
  const auto tanh_of = [](double x) { return std::tanh(x); };
  const auto erf_of = [](double x) { return std::erf(x); };
  for (double x : {1e-30, -1e-6, 1e-3, 0.3, 0.62499, 0.625, 0.7, -1.0, 9.0}) {
    CAPTURE(x);
    CHECK(relative(tanh, tanh_of, x) < 4e-7);
    CHECK(relative(erf, erf_of, x) < 5e-7);
  }
  for (double x : {-1e-6, -0.3, -5.5, -20.0, -40.1, -72.8, -86.9}) {
    CAPTURE(x);
    CHECK(relative(sigmoid, sigmoid_of, x) < 4e-7);
    CHECK(relative(softplus, softplus_of, x) < 6e-7);
    CHECK(relative(silu, [](double v) { return v * sigmoid_of(v); }, x) < 5e-7);
  }
  CHECK(relative(erf_gelu, gelu_of, -5) < 5e-6);
  CHECK(relative(tanh_gelu, tanh_gelu_of, -3) < 5e-6);
  CHECK(erf_gelu(floats(executor, {}, {-1e30F})).item<float>() == 0);
}

TEST_CASE("values and gradients of every order are finite far out") {
  InterpretExecutor executor;
  const Floats at{-1e30F, -1e10F, -100, -20, -0.0F, 0, 1e-30F, 20, 100, 1e10F, 1e30F};
  const Shape shape{static_cast<std::int64_t>(at.size())};
  for (const Unary function : {tanh, sigmoid, softplus, relu, silu, erf, erf_gelu, tanh_gelu}) {
    const Tensor x = floats(executor, shape, at);
    const Tensor y = function(x);
    const Tensor first = gradients(sum(y), {{x}})[0];
    const Tensor second = gradients(sum(first), {{x}})[0];
    for (const Tensor& values : {y, first, second})
      for (float value : values.to_vector<float>()) CHECK(std::isfinite(value));
  }
}

TEST_CASE("at 0 the derivatives are the exact ones, though the sides are written apart") {
  InterpretExecutor executor;
  const auto slope_at_zero = [&](Unary function) {
    const Tensor x = floats(executor, {}, {0});
    return gradients(function(x), {{x}})[0].item<float>();
  };
  CHECK(slope_at_zero(tanh) == 1);
  CHECK(slope_at_zero(sigmoid) == 0.25);
  CHECK(slope_at_zero(softplus) == doctest::Approx(0.5));
  CHECK(slope_at_zero(silu) == 0.5);
  CHECK(slope_at_zero(erf) == doctest::Approx(2 / std::sqrt(M_PI)));
  CHECK(slope_at_zero(erf_gelu) == doctest::Approx(0.5));
  CHECK(slope_at_zero(tanh_gelu) == doctest::Approx(0.5));
  CHECK(slope_at_zero(relu) == 0.5);
}

TEST_CASE("NaN goes through") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {}, {std::numeric_limits<float>::quiet_NaN()});
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(std::isnan(row.function(x).item<float>()));
  }
}

TEST_CASE("gradients of functions") {
  const Floats everywhere{-3, -1.3F, -0.8F, -0.2F, 0.3F, 0.75F, 1.4F, 2.5F};
  for (const Unary function :
       {exp, square, sin, cos, tanh, sigmoid, softplus, relu, silu, erf, erf_gelu, tanh_gelu})
    check_gradients_at(function, everywhere, 5e-3);
  for (const Unary function : std::initializer_list<Unary>{log, sqrt})
    check_gradients_at(function, {0.7F, 1, 2.5F, 4}, 5e-3);
}

TEST_CASE("no gradient flows through stop_gradient") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2}, {3, -4});
  CHECK(stop_gradient(x).to_vector<float>() == Floats{3, -4});
  CHECK(gradients(sum(x * stop_gradient(x)), {{x}})[0].to_vector<float>() == Floats{3, -4});
}

TEST_CASE("functions refuse integers") {
  InterpretExecutor executor;
  CHECK_THROWS_WITH_AS(exp(ints(executor, {3}, {1, 2, 3})),
                       "exp: needs f32, got i32[3]; cast it first", Error);
  CHECK_THROWS_WITH_AS(gelu(ints(executor, {}, {1})), "gelu: needs f32, got i32[]; cast it first",
                       Error);
}
