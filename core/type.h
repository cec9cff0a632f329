// Element types, in one table. All other code asks the table.
// Read next: scalar.h (the operations on elements).
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace tenon {

enum class Type : std::uint8_t { f32, i32, boolean };

struct TypeInfo {
  std::string_view name;
  int bytes;  // in memory; a boolean is one byte, 0 or 1
  bool is_float;
};

inline constexpr TypeInfo type_table[] = {
    {"f32", 4, true},
    {"i32", 4, false},
    {"bool", 1, false},
};

constexpr const TypeInfo& info(Type type) { return type_table[static_cast<int>(type)]; }

// The C++ type that holds an element: float, std::int32_t or, for a boolean, std::uint8_t.
template <typename T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, float>) return Type::f32;
  if constexpr (std::is_same_v<T, std::int32_t>) return Type::i32;
  return Type::boolean;
}

}  // namespace tenon
