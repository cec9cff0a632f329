#include "core/error.h"

#include <cstdio>

namespace tenon {

void report(const std::string& line) { std::fputs((line + '\n').c_str(), stderr); }

void broken_invariant(std::string_view message, std::source_location where) {
  const std::string text =
      fmt::format("{}:{}: broken invariant: {}", where.file_name(), where.line(), message);
  report("tenon: " + text);
  throw InternalError(text);
}

}  // namespace tenon
