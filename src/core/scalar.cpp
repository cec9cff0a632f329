#include "core/scalar.h"

#include <bit>
#include <cmath>
#include <limits>

namespace tenon {
namespace {

constexpr double smallest_i32 = std::numeric_limits<std::int32_t>::min();
constexpr double largest_i32 = std::numeric_limits<std::int32_t>::max();

double wrap(std::int64_t value) { return static_cast<std::int32_t>(value); }

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// Operands of type i32 or bool: exact in 64 bits, then wrapped.
double evaluate_integer(ScalarOp op, double left, double right) {
  const auto a = static_cast<std::int64_t>(left);
  const auto b = static_cast<std::int64_t>(right);
  const auto bits = static_cast<std::uint32_t>(a);
  switch (op) {
    case ScalarOp::add:
      return wrap(a + b);
    case ScalarOp::mul:
      return wrap(a * b);
    case ScalarOp::idiv:
      return wrap(floor_quotient(a, b));
    case ScalarOp::mod:
      return b == 0 ? 0 : wrap(a - b * floor_quotient(a, b));
    case ScalarOp::bit_and:
      return wrap(a & b);
    case ScalarOp::bit_or:
      return wrap(a | b);
    case ScalarOp::bit_xor:
      return wrap(a ^ b);
    case ScalarOp::shl:
      return wrap(bits << (b & 31));
    default:
      return wrap(bits >> (b & 31));  // shr
  }
}

double evaluate_max(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

double evaluate_cast(Type type, double value) {
  if (type == Type::boolean) return value != 0 ? 1 : 0;
  if (type == Type::f32) return static_cast<float>(value);
  if (std::isnan(value)) return 0;
  return std::fmin(std::fmax(std::trunc(value), smallest_i32), largest_i32);
}

double evaluate_bitcast(Type type, Type operand, double value) {
  if (type == operand) return value;
  if (operand == Type::f32) return std::bit_cast<std::int32_t>(static_cast<float>(value));
  return std::bit_cast<float>(static_cast<std::int32_t>(value));
}

}  // namespace

double identity(Combine combine, Type type) {
  if (combine == Combine::sum || type == Type::boolean) return 0;
  return type == Type::i32 ? smallest_i32 : -std::numeric_limits<double>::infinity();
}

double evaluate(ScalarOp op, Type type, Type operand, double a, double b, double c) {
  switch (op) {
    case ScalarOp::add:
      return operand == Type::f32 ? round_to(type, a + b) : evaluate_integer(op, a, b);
    case ScalarOp::mul:
      return operand == Type::f32 ? round_to(type, a * b) : evaluate_integer(op, a, b);
    case ScalarOp::div:
      return round_to(type, a / b);
    case ScalarOp::max:
      return evaluate_max(a, b);
    case ScalarOp::lt:
      return a < b ? 1 : 0;
    case ScalarOp::eq:
      return a == b ? 1 : 0;
    case ScalarOp::where:
      return a != 0 ? b : c;
    case ScalarOp::idiv:
    case ScalarOp::mod:
    case ScalarOp::bit_and:
    case ScalarOp::bit_or:
    case ScalarOp::bit_xor:
    case ScalarOp::shl:
    case ScalarOp::shr:
      return evaluate_integer(op, a, b);
    case ScalarOp::exp2:
      return round_to(type, std::exp2(a));
    case ScalarOp::log2:
      return round_to(type, std::log2(a));
    case ScalarOp::sin:
      return round_to(type, std::sin(a));
    case ScalarOp::sqrt:
      return round_to(type, std::sqrt(a));
    case ScalarOp::cast:
      return evaluate_cast(type, a);
    case ScalarOp::bitcast:
      return evaluate_bitcast(type, operand, a);
  }
  return 0;
}

double round_to(Type type, double value) {
  if (std::isnan(value) && type == Type::f32) return std::numeric_limits<double>::quiet_NaN();
  if (type == Type::f32) return static_cast<float>(value);
  if (type == Type::boolean) return value != 0 ? 1 : 0;
  if (!std::isfinite(value)) return 0;
  return wrap(static_cast<std::int64_t>(std::fmod(std::trunc(value), 4294967296.0)));
}

}  // namespace tenon
