// What this machine can do at most, measured in the same run as the cases: the rate of fused
// multiply-adds and of copying. Used by the suites as the limit that a result is held against.
// Read next: contest.h.
#pragma once

#include <cstddef>
#include <string>

#include "core/device.h"

namespace tenon::bench {

std::string processor();  // "AMD EPYC, 2 processors, L1d 32K, L2 1024K, L3 32768K"

// How many processors run anything while this process sleeps for a quarter of a second: what others
// take. The average load of the system would count what this program itself did a moment ago.
double busy_processors();

// f32 operations a second (an FMA is two) of `threads` threads, each with 12 independent chains of
// the widest vectors that the processor has; one sample of a few milliseconds.
double fma_rate(int threads);

// Two arrays that are copied from one to the other by several threads, a part each.
class Copy {
 public:
  Copy(Device& device, std::size_t bytes, int threads);  // bytes of one array

  // Bytes read plus bytes written a second: one sample of a few milliseconds, the better of memcpy
  // and of loads with non-temporal stores.
  double rate();

 private:
  double sample(bool streaming);

  std::size_t bytes_;
  int threads_;
  BufferRef from_, to_;
};

}  // namespace tenon::bench
