// The scalar operations: at most twenty, in one table which the interpreter, the gradients and
// every backend read. Nothing else lists them.
//
// Meaning, where it is not obvious:
//   idiv, mod   integers; rounded towards minus infinity, the remainder takes the divisor's sign;
//               a divisor of 0 gives 0
//   max         of a NaN and anything is NaN; max(-0, +0) is +0
//   lt, eq      give bool; comparisons with NaN are false
//   where       where(bool, a, b)
//   shl, shr    i32; the count is taken modulo 32; shr is logical
//   cast        f32 -> i32 truncates towards zero and saturates, NaN gives 0; to bool is x != 0
//   bitcast     between f32 and i32
//   integers    wrap
#pragma once

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

struct ScalarInfo {
  std::string_view name;
  int arity;
  Result result;
  bool floats, integers, booleans;  // which operand types are allowed
};

// clang-format off
inline constexpr ScalarInfo scalar_table[] = {
    {"add", 2, Result::same, true, true, false},
    {"mul", 2, Result::same, true, true, false},
    {"div", 2, Result::same, true, false, false},
    {"max", 2, Result::same, true, true, true},
    {"idiv", 2, Result::same, false, true, false},
    {"mod", 2, Result::same, false, true, false},
    {"lt", 2, Result::boolean, true, true, true},
    {"eq", 2, Result::boolean, true, true, true},
    {"where", 3, Result::same, true, true, true},
    {"and", 2, Result::same, false, true, true},
    {"or", 2, Result::same, false, true, true},
    {"xor", 2, Result::same, false, true, true},
    {"shl", 2, Result::same, false, true, false},
    {"shr", 2, Result::same, false, true, false},
    {"exp2", 1, Result::same, true, false, false},
    {"log2", 1, Result::same, true, false, false},
    {"sin", 1, Result::same, true, false, false},
    {"sqrt", 1, Result::same, true, false, false},
    {"cast", 1, Result::named, true, true, true},
    {"bitcast", 1, Result::named, true, true, false},
};
// clang-format on

constexpr const ScalarInfo& info(ScalarOp op) { return scalar_table[static_cast<int>(op)]; }
inline constexpr int scalar_count = sizeof(scalar_table) / sizeof(scalar_table[0]);
static_assert(scalar_count <= 20);

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

}  // namespace tenon
