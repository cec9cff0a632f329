// Values as text for people, as NumPy prints them: nested brackets, columns aligned, the middle of
// long axes left out. Used by `tenon run` for outputs that go to no file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/type.h"

namespace tenon::cli {

// Requires `bytes`: the values, row-major.
//
//   [[0.1 0.2 ... 0.9]
//    [0.4 0.1 ... 0.3]]
std::string show_values(Type type, const std::vector<std::int64_t>& shape, const char* bytes);

}  // namespace tenon::cli
