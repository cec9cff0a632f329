// The highest rates of this machine, of fused multiply-adds and of copying, measured in the same
// run as the cases. The suites compare each result with one of them, its limit.
// Read next: contest.h.
#pragma once

#include <cstddef>
#include <string>

#include "core/device.h"

namespace tenon::bench {

std::string processor();  // "AMD EPYC, 2 processors, L1d 32K, L2 1024K, L3 32768K"

// How many processors other programs keep busy: measured while this process sleeps for a quarter of
// a second. The system's average load would count what this program itself did a moment ago.
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
