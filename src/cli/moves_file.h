// A file of moves, for `tenon run --moves FILE`: schedules in the text form of lower/schedule.h,
// each below the name of its kernel, or one alone for a graph with one kernel:
//
//   kernel matmul:
//     split i -> ic ir(16) i0(8)
//     bind ic parallel
//   kernel softmax:
//     bind r parallel
#pragma once

#include <string>
#include <string_view>

#include "tuner/session.h"

namespace tenon::cli {

// Error: "FILE:LINE: what is wrong and how to mend it".
HandMoves parse_moves(std::string_view text, const std::string& file);

}  // namespace tenon::cli
