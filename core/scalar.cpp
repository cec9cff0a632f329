#include "core/scalar.h"

#include <cmath>
#include <limits>

#include "core/index.h"

namespace tenon {
namespace {

constexpr double smallest_i32 = std::numeric_limits<std::int32_t>::min();
constexpr double largest_i32 = std::numeric_limits<std::int32_t>::max();

double wrap(std::int64_t value) { return static_cast<std::int32_t>(value); }

// The operations that are written alike for floats and for integers.
constexpr auto add = [](auto a, auto b, auto) { return a + b; };
constexpr auto mul = [](auto a, auto b, auto) { return a * b; };
constexpr auto lt = [](auto a, auto b, auto) -> decltype(a) { return a < b ? 1 : 0; };
constexpr auto eq = [](auto a, auto b, auto) -> decltype(a) { return a == b ? 1 : 0; };
constexpr auto where = [](auto a, auto b, auto c) { return a != 0 ? b : c; };
constexpr auto itself = [](auto a, auto, auto) { return a; };

double div(double a, double b, double) { return a / b; }
double exp2(double a, double, double) { return std::exp2(a); }
double log2(double a, double, double) { return std::log2(a); }
double sin(double a, double, double) { return std::sin(a); }
double sqrt(double a, double, double) { return std::sqrt(a); }
double float_max(double a, double b, double) { return b > a || std::isnan(b) ? b : a; }

using Int = std::int64_t;
Int integer_max(Int a, Int b, Int) { return a > b ? a : b; }
Int idiv(Int a, Int b, Int) { return b == 0 ? 0 : floor_quotient(a, b); }
Int mod(Int a, Int b, Int) { return b == 0 ? 0 : a - b * idiv(a, b, 0); }
Int bit_and(Int a, Int b, Int) { return a & b; }
Int bit_or(Int a, Int b, Int) { return a | b; }
Int bit_xor(Int a, Int b, Int) { return a ^ b; }
Int shl(Int a, Int b, Int) { return static_cast<std::uint32_t>(a) << (b & 31); }
Int shr(Int a, Int b, Int) { return static_cast<std::uint32_t>(a) >> (b & 31); }

double evaluate_cast(Type type, double value) {
  if (type != Type::i32) return round_to(type, value);
  if (std::isnan(value)) return 0;
  return std::fmin(std::fmax(std::trunc(value), smallest_i32), largest_i32);
}

double evaluate_bitcast(Type type, Type operand, double value) {
  if (type == operand) return value;
  if (operand == Type::f32) return std::bit_cast<std::int32_t>(static_cast<float>(value));
  return std::bit_cast<float>(static_cast<std::int32_t>(value));
}

}  // namespace

// clang-format off
const std::array<ScalarInfo, 20> scalar_table = {{
    {"add", 2, Result::same, add, add, false, 1},
    {"mul", 2, Result::same, mul, mul, false, 1},
    {"div", 2, Result::same, div, nullptr, false, 8},
    {"max", 2, Result::same, float_max, integer_max, true, 3},
    {"idiv", 2, Result::same, nullptr, idiv, false, 40},
    {"mod", 2, Result::same, nullptr, mod, false, 40},
    {"lt", 2, Result::boolean, lt, lt, true, 1},
    {"eq", 2, Result::boolean, eq, eq, true, 1},
    {"where", 3, Result::same, where, where, true, 1},
    {"and", 2, Result::same, nullptr, bit_and, true, 1},
    {"or", 2, Result::same, nullptr, bit_or, true, 1},
    {"xor", 2, Result::same, nullptr, bit_xor, true, 1},
    {"shl", 2, Result::same, nullptr, shl, false, 2},
    {"shr", 2, Result::same, nullptr, shr, false, 2},
    {"exp2", 1, Result::same, exp2, nullptr, false, 20},
    {"log2", 1, Result::same, log2, nullptr, false, 40},
    {"sin", 1, Result::same, sin, nullptr, false, 120},
    {"sqrt", 1, Result::same, sqrt, nullptr, false, 8},
    {"cast", 1, Result::named, itself, itself, true, 3},
    {"bitcast", 1, Result::named, itself, itself, false, 1},
}};
// clang-format on

bool takes(const ScalarInfo& op, Type type) {
  if (type == Type::boolean) return op.booleans;
  return info(type).is_float ? op.on_floats != nullptr : op.on_integers != nullptr;
}

double identity(Combine combine, Type type) {
  if (combine == Combine::sum || type == Type::boolean) return 0;
  return type == Type::i32 ? smallest_i32 : -std::numeric_limits<double>::infinity();
}

double evaluate(ScalarOp op, Type type, Type operand, double a, double b, double c) {
  if (op == ScalarOp::cast) return evaluate_cast(type, a);
  if (op == ScalarOp::bitcast) return evaluate_bitcast(type, operand, a);
  const ScalarInfo& row = info(op);
  if (info(operand).is_float) return round_to(type, row.on_floats(a, b, c));
  return wrap(row.on_integers(static_cast<Int>(a), static_cast<Int>(b), static_cast<Int>(c)));
}

double round_to(Type type, double value) {
  if (std::isnan(value) && type == Type::f32) return std::numeric_limits<double>::quiet_NaN();
  if (type == Type::f32) return static_cast<float>(value);
  if (type == Type::boolean) return value != 0 ? 1 : 0;
  if (!std::isfinite(value)) return 0;
  return wrap(static_cast<std::int64_t>(std::fmod(std::trunc(value), 4294967296.0)));
}

}  // namespace tenon
