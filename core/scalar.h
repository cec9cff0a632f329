// The scalar operations: at most twenty, in one table which the interpreter, the gradients and
// every backend read. Nothing else lists them.
//
// Meaning, where it is not obvious:
//   idiv, mod   integers; rounded towards minus infinity, the remainder takes the divisor's sign;
//               a divisor of 0 gives 0
//   max         of a NaN and anything is NaN; of two zeros the first
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
#include <cstdint>
#include <string_view>

#include "core/type.h"

namespace tenon {

// clang-format off
enum class ScalarOp : std::uint8_t {
  add, mul, div, max, idiv, mod, lt, eq, where,
  bit_and, bit_or, bit_xor, shl, shr,
  exp2, log2, sin, sqrt, cast, bitcast,
};
// clang-format on

// The type of the result: as the (last) operand, bool, or as asked.
enum class Result : std::uint8_t { same, boolean, named };

// A row of the table. An operation takes the types for which it has a meaning: floats are held in
// double, integers and booleans in 64 bits; what comes out is brought to the result's type.
// Operands that the operation does not have are ignored. The meanings of cast and bitcast depend on
// both types and stand in evaluate().
struct ScalarInfo {
  std::string_view name;
  int arity;
  Result result;
  double (*on_floats)(double a, double b, double c);  // null: takes no floats
  std::int64_t (*on_integers)(std::int64_t a, std::int64_t b, std::int64_t c);  // null: no integers
  bool booleans;
  int instructions;  // of a processor with vectors, about, for one vector of results
};

extern const std::array<ScalarInfo, 20> scalar_table;

inline const ScalarInfo& info(ScalarOp op) { return scalar_table[static_cast<std::size_t>(op)]; }

// Whether the (last) operand may be of this type.
bool takes(const ScalarInfo& op, Type type);

// How a Reduce, and every accumulation that it becomes, combines its terms.
enum class Combine : std::uint8_t { sum, max };

// The value that combining starts from, as a double: 0 for a sum; for max -infinity (f32), the
// smallest integer (i32) or false.
double identity(Combine combine, Type type);

// The meaning: one operation on values held in double, wrapped or rounded to `type`, the type of
// the result. `operand` is the type of the last operand. Unused operands are ignored.
double evaluate(ScalarOp op, Type type, Type operand, double a, double b, double c);

// A double brought to the nearest value of `type` (integers wrap, f32 rounds to nearest even).
double round_to(Type type, double value);

// The same double, by its bits: -0 is not 0, and a NaN is itself.
constexpr bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace tenon
