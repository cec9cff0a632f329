// A file of moves, for `tenon run --moves FILE`: schedules in the text form of lower/schedule.h.
// Each stands below the name of its kernel. For a graph with one kernel the name may be left out:
//
//   kernel matmul:
//     split i -> ic ir(16) i0(8)
//     bind ic parallel
//   kernel softmax:
//     bind r parallel
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tuner/session/session.h"

namespace tenon::cli {

struct MovesFile {
  std::string path = {};                           // for messages
  std::map<std::string, Schedule> by_kernel = {};  // "": the only kernel there is
};

// Error: "FILE:LINE: what is wrong and how to mend it".
MovesFile parse_moves(std::string_view text, const std::string& path);

// The schedules of the file, as SessionOptions::moves. MovesError: a section names none of the
// kernels.
HandMoves by_hand(MovesFile file);

// The names by which people call the kernels of one graph: each nest's own, numbered where two have
// the same.
std::vector<std::string> kernel_names(std::span<const Kernel> naive);

}  // namespace tenon::cli
