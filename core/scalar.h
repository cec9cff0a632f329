// The scalar operations: at most twenty, in one table. The interpreter, the gradients and every
// backend read that table, and no other file lists the operations.
//
// The meanings that are not obvious:
//   idiv, mod   integers; rounded towards minus infinity, the remainder takes the divisor's sign;
//               a divisor of 0 gives 0
//   max         is NaN if an operand is NaN; of a zero and a negative zero it is the first operand
//   lt, eq      give bool; comparisons with NaN are false
//   where       where(bool, a, b)
//   shl, shr    i32; the count is taken modulo 32; shr is logical
//   cast        f32 -> i32 truncates towards zero and saturates, NaN gives 0; to bool is x != 0
//   bitcast     between f32 and i32
//   integers    wrap
#pragma once

#include <array>
#include <bit>
#include <cstddef>

#include "core/type.h"

namespace tenon {

// clang-format off
enum class ScalarOp : std::uint8_t {
  add, mul, div, max, idiv, mod, lt, eq, where,
  bit_and, bit_or, bit_xor, shl, shr,
  exp2, log2, sin, sqrt, cast, bitcast,
};
// clang-format on

// The type of the result: that of the last operand, bool, or the type that the caller names.
enum class Result : std::uint8_t { same, boolean, named };

// A row of the table. An operation takes the types for which it has a function here. A float
// operand is passed as double, an integer or boolean as 64 bits, and what the function returns is
// rounded or wrapped to the type of the result. Operands beyond the arity are ignored. cast and
// bitcast depend on two types, so evaluate() defines them.
struct ScalarInfo {
  std::string_view name;
  int arity;
  Result result;
  double (*on_floats)(double a, double b, double c);  // null: takes no floats
  std::int64_t (*on_integers)(std::int64_t a, std::int64_t b, std::int64_t c);  // null: no integers
  bool booleans;     // also takes bool, by on_integers
  int instructions;  // about how many vector instructions one vector of results takes
};

extern const std::array<ScalarInfo, 20> scalar_table;

inline const ScalarInfo& info(ScalarOp op) { return scalar_table[static_cast<std::size_t>(op)]; }

// May the last operand have this type?
bool takes(const ScalarInfo& op, Type type);

// How a Reduce combines its terms. Every accumulation that lowering makes of the Reduce does the
// same.
enum class Combine : std::uint8_t { sum, max };

// The value that an accumulation starts from: 0 for a sum; for max, -infinity (f32), the smallest
// integer (i32) or false.
double identity(Combine combine, Type type);

// Computes one operation. The values are doubles. The result is wrapped or rounded to `type`, and
// `operand` is the type of the last operand. Operands beyond the arity are ignored.
double evaluate(ScalarOp op, Type type, Type operand, double a, double b, double c);

// The value of `type` for a double: f32 rounds to nearest even, integers wrap.
double round_to(Type type, double value);

// Are the bits equal? So -0 differs from 0, and a NaN equals itself.
constexpr bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace tenon
