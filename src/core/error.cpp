#include "core/error.h"

#include <cstdio>

namespace tenon {

void broken_invariant(std::string_view message, std::source_location where) {
  const std::string text =
      fmt::format("{}:{}: broken invariant: {}", where.file_name(), where.line(), message);
  fmt::print(stderr, "tenon: {}\n", text);
  throw InternalError(text);
}

}  // namespace tenon
