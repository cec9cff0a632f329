// The highest rates of this machine, of fused multiply-adds, of copying and of reading, measured in
// the same run as the cases. The suites compare each result with its limit, which follows from
// them. Read next: contest.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

enum class Traffic : std::uint8_t { copy, read };

// Memory that several threads copy (one half to the other) or read, a part each.
class Memory {
 public:
  Memory(Device& device, Traffic traffic, std::size_t bytes, int threads);  // bytes of all of it

  // Bytes read plus bytes written a second: one sample of a few milliseconds. Of a copy, the better
  // of memcpy and of loads with non-temporal stores.
  double rate();

 private:
  double sample(bool streaming);

  Traffic traffic_;
  std::size_t bytes_;  // that are read
  int threads_;
  BufferRef from_, to_;
};

struct Rates {
  double fma = 0;     // operations a second
  double memory = 0;  // bytes a second
};

// The work that a computation needs at least, and how long the machine takes for it: the longer one
// of its operations at the rate of FMAs and its bytes at the bandwidth of a copy, or of reading
// where less than an eighth of them is written. The bandwidth is measured with as many bytes, so a
// case that fits a cache is compared with the speed of that cache.
class Limit {
 public:
  Limit(Device& device, int threads, double flops, double bytes_read, double bytes_written);

  double flops() const { return flops_; }
  double bytes() const { return bytes_; }
  void sample(Rates& best);  // one sample; keeps the better rates
  double ms(const Rates& rates) const;
  bool is_compute(const Rates& rates) const;  // do the operations take longer than the bytes?

 private:
  int threads_;
  double flops_, bytes_;
  std::shared_ptr<Memory> memory_;
};

}  // namespace tenon::bench
