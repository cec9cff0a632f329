#include "ops/arithmetic.h"

#include <algorithm>

#include "ops/operands.h"
#include "ops/views.h"

namespace tenon {
namespace {

void need_same_type(std::string_view name, const Tensor& lhs, const Tensor& rhs) {
  if (lhs.type() != rhs.type())
    fail("{}: types differ: lhs {}, rhs {}; cast one of them", name, describe(lhs), describe(rhs));
}

void need_number(std::string_view name, const Tensor& x) {
  if (x.type() == Type::boolean)
    fail("{}: needs numbers, got {}; cast it to i32 or f32 first", name, describe(x));
}

void need_integer(std::string_view name, const Tensor& x) {
  if (x.type() != Type::i32) fail("{}: needs i32, got {}; cast it to i32 first", name, describe(x));
}

void need_bits(std::string_view name, const Tensor& x) {
  if (info(x.type()).is_float)
    fail("{}: needs bool or i32, got {}; compare it or cast it first", name, describe(x));
}

Tensor expand_to(const Tensor& x, const Shape& shape) {
  return x.shape() == shape ? x : expand(x, shape);
}

Tensor arithmetic(std::string_view name, ScalarOp op, const Tensor& lhs, const Tensor& rhs) {
  need_number(name, lhs);
  return broadcast_map(name, op, lhs, rhs);
}

// A value that orders the other way round: -x for a float. For an integer or a bool it is x with
// its bits flipped, because -x overflows for the least integer.
Tensor reversed(const Tensor& x) { return info(x.type()).is_float ? -x : !x; }

}  // namespace

Shape broadcast_shapes(std::string_view operation, const Shape& lhs, const Shape& rhs) {
  const std::size_t rank = std::max(lhs.size(), rhs.size());
  Shape result(rank, 1);
  for (std::size_t back = 1; back <= rank; ++back) {
    const Extent left = back <= lhs.size() ? lhs[lhs.size() - back] : Extent(1);
    const Extent right = back <= rhs.size() ? rhs[rhs.size() - back] : Extent(1);
    if (!(left == right) && left.value() != 1 && right.value() != 1)
      fail(
          "{}: shapes do not broadcast: lhs {}, rhs {}; counted from the last axis, extents must "
          "be equal or 1",
          operation, text(lhs), text(rhs));
    result[rank - back] = left.value() == 1 ? right : left;
  }
  return result;
}

Tensor number_like(const Tensor& x, double value) {
  if (!info(x.type()).is_float && round_to(x.type(), value) != value)
    fail("{} is no value of type {}; write one that is, or cast the tensor to f32", value,
         info(x.type()).name);
  return constant(x.executor(), x.type(), round_to(x.type(), value));
}

Tensor broadcast_map(std::string_view name, ScalarOp op, const Tensor& lhs, const Tensor& rhs) {
  need_same_type(name, lhs, rhs);
  const Shape shape = broadcast_shapes(name, lhs.shape(), rhs.shape());
  return map(op, {expand_to(lhs, shape), expand_to(rhs, shape)});
}

Tensor operator+(const Tensor& lhs, const Tensor& rhs) {
  return arithmetic("add", ScalarOp::add, lhs, rhs);
}

Tensor operator-(const Tensor& lhs, const Tensor& rhs) {
  need_number("sub", rhs);
  return arithmetic("sub", ScalarOp::add, lhs, -rhs);
}

Tensor operator*(const Tensor& lhs, const Tensor& rhs) {
  return arithmetic("mul", ScalarOp::mul, lhs, rhs);
}

Tensor operator/(const Tensor& lhs, const Tensor& rhs) {
  if (!info(lhs.type()).is_float)
    fail("div: needs f32, got {}; use idiv, or cast both sides to f32", describe(lhs));
  return arithmetic("div", ScalarOp::div, lhs, rhs);
}

Tensor operator-(const Tensor& x) {
  need_number("neg", x);
  return x * -1;
}

Tensor abs(const Tensor& x) {
  need_number("abs", x);
  const Tensor size = maximum(x, -x);
  return info(x.type()).is_float ? size + 0
                                 : size;  // of two zeros max gives the first; -0 + 0 is 0
}

Tensor idiv(const Tensor& lhs, const Tensor& rhs) {
  need_integer("idiv", lhs);
  return broadcast_map("idiv", ScalarOp::idiv, lhs, rhs);
}

Tensor mod(const Tensor& lhs, const Tensor& rhs) {
  need_integer("mod", lhs);
  return broadcast_map("mod", ScalarOp::mod, lhs, rhs);
}

Tensor maximum(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("maximum", ScalarOp::max, lhs, rhs);
}

Tensor minimum(const Tensor& lhs, const Tensor& rhs) {
  need_same_type("minimum", lhs, rhs);
  return reversed(broadcast_map("minimum", ScalarOp::max, reversed(lhs), reversed(rhs)));
}

Tensor operator<(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("lt", ScalarOp::lt, lhs, rhs);
}

Tensor operator<=(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("le", ScalarOp::lt, lhs, rhs) | broadcast_map("le", ScalarOp::eq, lhs, rhs);
}

Tensor operator>(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("gt", ScalarOp::lt, rhs, lhs);
}

Tensor operator>=(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("ge", ScalarOp::lt, rhs, lhs) | broadcast_map("ge", ScalarOp::eq, lhs, rhs);
}

Tensor operator==(const Tensor& lhs, const Tensor& rhs) {
  return broadcast_map("eq", ScalarOp::eq, lhs, rhs);
}

Tensor operator!=(const Tensor& lhs, const Tensor& rhs) {
  return !broadcast_map("ne", ScalarOp::eq, lhs, rhs);
}

Tensor operator&(const Tensor& lhs, const Tensor& rhs) {
  need_bits("and", lhs);
  return broadcast_map("and", ScalarOp::bit_and, lhs, rhs);
}

Tensor operator|(const Tensor& lhs, const Tensor& rhs) {
  need_bits("or", lhs);
  return broadcast_map("or", ScalarOp::bit_or, lhs, rhs);
}

Tensor operator^(const Tensor& lhs, const Tensor& rhs) {
  need_bits("xor", lhs);
  return broadcast_map("xor", ScalarOp::bit_xor, lhs, rhs);
}

Tensor operator!(const Tensor& x) {
  need_bits("not", x);
  return x ^ (x.type() == Type::boolean ? 1 : -1);
}

Tensor where(const Tensor& condition, const Tensor& yes, const Tensor& no) {
  if (condition.type() != Type::boolean)
    fail("where: the condition must be bool, got {}; compare it first, as in x != 0",
         describe(condition));
  need_same_type("where", yes, no);
  Shape shape = broadcast_shapes("where", yes.shape(), no.shape());
  shape = broadcast_shapes("where", condition.shape(), shape);
  return map(ScalarOp::where,
             {expand_to(condition, shape), expand_to(yes, shape), expand_to(no, shape)});
}

}  // namespace tenon
