// The table of constants of the model: what a core of a processor does in a cycle. Used by
// model.cpp and model_memory.cpp.
#pragma once

#include <array>
#include <string_view>

namespace tenon {

// What a core does in a cycle. Sources of the upper half: Agner Fog's tables for Zen 3 to 5 and
// Skylake-X. The lower half is fitted to 2,000 measured schedules of 30 matrix products and
// convolutions on a Zen 3 with AVX2, and checked with 700 schedules of 19 products on an Ice Lake
// with AVX-512. On another machine the times are off, but most of the ranking stays.
struct Core {
  double clock = 3.5;          // GHz
  double fmas = 2, loads = 2;  // vectors a cycle
  double issued = 4;           // instructions a cycle
  double latency = 4;          // cycles of an FMA
  std::int64_t way = 4096;     // bytes; elements so far apart lie in the same set of a first cache
  double tlb_entries = 64;     // pages that are found at once
  double launch = 10000;       // cycles until another thread has begun
  std::array<double, 3> copied{1.5, 8, 20};  // cycles a line of 64 bytes of L2, L3, memory

  double begin = 40;                       // cycles until the first terms of a sum have arrived
  double spilled = 12;                     // of a body whose values do not fit into the registers
  double spill = 3;                        // and for each value that has no register
  double gathered = 1.4;                   // cycles an element that is loaded or stored alone
  double met = 3.5;                        // times as many, if the lanes lie in the same set
  double packed = 6.4;                     // cycles a vector of elements that is copied
  double turned = 7.2;                     // cycles a vector that is transposed in registers
  double transposed = .9;                  // cycles an element of a copy whose axes change places
  double tested = 2.7;                     // cycles an element whose address is tested first
  double boxed = .7;                       // in a box, where most tests are one for a whole row
  double masked = .7;                      // of a vector whose elements are tested together
  std::array<double, 3> line{.4, 3, 20};   // cycles that a line from L2, L3 or memory adds
  std::array<double, 3> jump{1.5, 4, 60};  // the same of lines that no run of lines announces
  double tlb_miss = 2.8;                   // cycles of a page that is not found at once
  double overlap = .65;  // the share of the smaller terms that the largest one does not hide
};
inline constexpr Core core{};

// Where the lines come from that are not in the first cache, in the second, in the third.
inline constexpr std::array<std::string_view, 3> level_names{"L2", "L3", "memory"};

}  // namespace tenon
