// The table of constants of the model: what a core of a processor does in a cycle. Used by
// model.cpp and model_memory.cpp.
#pragma once

#include <array>
#include <string_view>

namespace tenon {

// What a core does in a cycle. Sources: Agner Fog's tables for Zen 3 to 5 and Skylake-X, and the
// bandwidths of those processors' caches as their vendors state them. On another machine the times
// are off, but most of the ranking stays.
struct Core {
  double clock = 3.5;          // GHz
  double fmas = 2, loads = 2;  // vectors a cycle
  double issued = 6;           // instructions a cycle
  double latency = 4;          // cycles of an FMA
  double begin = 20;           // cycles until the first terms of a sum have arrived
  double spilled = 6;          // cycles of a body whose values do not fit into the registers
  double spill = 2;            // and for each value that has no register
  double gathered = 1;         // cycles an element that is loaded alone
  double packed = .25;         // cycles an element that is copied by vectors
  double transposed = .4;      // cycles an element that is copied through a transpose
  double tested = 8;           // cycles an element whose address is tested before its load
  double masked = .7;          // cycles of a vector whose elements are tested together
  double boxed = 1.5;          // the same in a box, where most tests are one for a whole row
  double launch = 10000;       // cycles until another thread has begun
  std::array<double, 3> line{1.5, 8, 20};  // cycles a line of 64 bytes from L2, L3 and memory
  std::array<double, 3> jump{4, 14, 60};   // the same for lines that no run of lines announces
  double tlb_entries = 64, tlb_miss = 8;   // pages that are found at once; cycles of others
  double overlap = .2;  // the share of the smaller terms that the largest one does not hide
};
inline constexpr Core core{};

// Where the lines come from that are not in the first cache, in the second, in the third.
inline constexpr std::array<std::string_view, 3> level_names{"L2", "L3", "memory"};

}  // namespace tenon
