// The cases of the suite regret. Used by regret.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/suite.h"

namespace tenon::bench {

struct RegretCase {
  std::string suite, name;
  bool is_again = false;  // it is measured again with narrower vectors
};
// Four cases each of ten suites. Two are always the same, two are drawn with the seed.
std::vector<RegretCase> regret_cases(std::uint64_t seed);

// The suite of this name. Error: it has none of these cases.
Suite suite_of(std::string_view name);

}  // namespace tenon::bench
