#include "bench/machine.h"

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"

namespace tenon::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double sample_seconds = 2e-3;
constexpr int chains = 12;

// Runs work(thread) on all threads at once. Returns the seconds from the first start to the last
// end, so that starting the threads does not count.
double timed_together(int threads, const std::function<void(int)>& work) {
  std::vector<Clock::time_point> starts(threads), ends(threads);
  std::atomic<int> arrived = 0;
  auto body = [&](int thread) {
    arrived.fetch_add(1);
    while (arrived.load() < threads) _mm_pause();
    starts[thread] = Clock::now();
    work(thread);
    ends[thread] = Clock::now();
  };
  {
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(body, thread);
    body(0);
  }
  const auto first = *std::min_element(starts.begin(), starts.end());
  const auto last = *std::max_element(ends.begin(), ends.end());
  return std::chrono::duration<double>(last - first).count();
}

// `steps` FMAs in each of the 12 chains; returns a value that depends on all of them.
__attribute__((target("avx512f"))) float fma_chains_512(std::int64_t steps) {
  const __m512 factor = _mm512_set1_ps(0.999F), term = _mm512_set1_ps(0.001F);
  __m512 sums[chains];
  for (int chain = 0; chain < chains; ++chain) sums[chain] = _mm512_set1_ps(0.1F * chain);
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) {
      sums[chain] = _mm512_fmadd_ps(sums[chain], factor, term);
    }
  }
  for (int chain = 1; chain < chains; ++chain) sums[0] = _mm512_add_ps(sums[0], sums[chain]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) float fma_chains_256(std::int64_t steps) {
  const __m256 factor = _mm256_set1_ps(0.999F), term = _mm256_set1_ps(0.001F);
  __m256 sums[chains];
  for (int chain = 0; chain < chains; ++chain) sums[chain] = _mm256_set1_ps(0.1F * chain);
  for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) {
      sums[chain] = _mm256_fmadd_ps(sums[chain], factor, term);
    }
  }
  for (int chain = 1; chain < chains; ++chain) sums[0] = _mm256_add_ps(sums[0], sums[chain]);
  return _mm256_cvtss_f32(sums[0]);
}

// Copies with stores that pass the caches; both addresses are multiples of 64.
__attribute__((target("avx2"))) void stream_copy(std::byte* to, const std::byte* from,
                                                 std::size_t bytes) {
  const std::size_t whole = bytes / 64 * 64;
  for (std::size_t at = 0; at < whole; at += 64) {
    const __m256i low = _mm256_load_si256(reinterpret_cast<const __m256i*>(from + at));
    const __m256i high = _mm256_load_si256(reinterpret_cast<const __m256i*>(from + at + 32));
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at), low);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at + 32), high);
  }
  _mm_sfence();
  std::memcpy(to + whole, from + whole, bytes - whole);
}

// Loads everything; the address must be a multiple of 64.
__attribute__((target("avx2"))) void read_all(const std::byte* from, std::size_t bytes) {
  __m256i bits[4] = {};
  for (std::size_t at = 0; at + 128 <= bytes; at += 128)
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      bits[i] = _mm256_xor_si256(
          bits[i], _mm256_load_si256(reinterpret_cast<const __m256i*>(from + at + 32 * i)));
  asm volatile("" : : "x"(bits[0]), "x"(bits[1]), "x"(bits[2]), "x"(bits[3]));
}

std::string model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

// In the words of the system's file: "32K", "1024K", "32768K".
std::string cache_size(int index) {
  std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/size", index));
  std::string size = "?";
  std::getline(file, size);
  return size;
}

}  // namespace

std::string processor() {
  return fmt::format("{}, {} processors, L1d {}, L2 {}, L3 {}", model_name(),
                     std::thread::hardware_concurrency(), cache_size(0), cache_size(2),
                     cache_size(3));
}

double busy_processors() {
  struct Ticks {
    double idle = 0, all = 0;
  };
  // The first line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks.
  const auto ticks = [] {
    std::ifstream file("/proc/stat");
    std::string word;
    file >> word;
    Ticks result;
    double count = 0;
    for (int column = 0; column < 8 && file >> count; ++column) {
      result.all += count;
      if (column == 3 || column == 4) result.idle += count;
    }
    return result;
  };
  const Ticks before = ticks();
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  const Ticks after = ticks();
  const double all = after.all - before.all, idle = after.idle - before.idle;
  return all > 0 ? std::thread::hardware_concurrency() * (1 - idle / all) : 0;
}

double fma_rate(int threads) {
  const bool wide = __builtin_cpu_supports("avx512f");
  const auto run = wide ? fma_chains_512 : fma_chains_256;
  const double flops_a_step = 2.0 * chains * (wide ? 16 : 8);
  constexpr std::int64_t steps = 600'000;  // 2 ms at 3.6 GHz and one 12-chain step in 12 cycles
  std::vector<float> sinks(threads);
  const double seconds = timed_together(threads, [&](int thread) { sinks[thread] = run(steps); });
  check(*std::min_element(sinks.begin(), sinks.end()) > 0, "the FMA chains converge to 12");
  return flops_a_step * static_cast<double>(steps) * threads / seconds;
}

Memory::Memory(Device& device, Traffic traffic, std::size_t bytes, int threads)
    : traffic_(traffic),
      bytes_(std::max<std::size_t>(64, traffic == Traffic::copy ? bytes / 2 : bytes)),
      threads_(threads),
      from_(device.allocate(bytes_)),
      to_(traffic == Traffic::copy ? device.allocate(bytes_) : from_) {
  std::memset(from_->host, 1, bytes_);
  std::memset(to_->host, 2, bytes_);
}

double Memory::rate() {
  return traffic_ == Traffic::copy ? std::max(sample(false), sample(true)) : sample(false);
}

double Memory::sample(bool streaming) {
  const std::size_t part = (bytes_ / threads_ + 63) / 64 * 64;
  const double moved =
      traffic_ == Traffic::copy ? 2.0 * static_cast<double>(bytes_) : static_cast<double>(bytes_);
  const double estimate = moved / 20e9 / threads_;  // seconds
  const auto repeats = static_cast<int>(std::clamp(sample_seconds / estimate, 1.0, 1e6));
  const double seconds = timed_together(threads_, [&](int thread) {
    const std::size_t begin = std::min(part * thread, bytes_);
    const std::size_t count = std::min(part, bytes_ - begin);
    const auto* from = static_cast<const std::byte*>(from_->host) + begin;
    auto* to = static_cast<std::byte*>(to_->host) + begin;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      if (traffic_ == Traffic::read) {
        read_all(from, count);
      } else if (streaming) {
        stream_copy(to, from, count);
      } else {
        std::memcpy(to, from, count);
      }
      asm volatile("" : : "r"(to) : "memory");  // every repeat counts
    }
  });
  return moved * repeats / seconds;
}

Limit::Limit(Device& device, int threads, double flops, double bytes_read, double bytes_written)
    : threads_(threads), flops_(flops), bytes_(bytes_read + bytes_written) {
  const Traffic traffic = bytes_written < bytes_ / 8 ? Traffic::read : Traffic::copy;
  memory_ = std::make_shared<Memory>(device, traffic, static_cast<std::size_t>(bytes_), threads);
}

void Limit::sample(Rates& best) {
  best.fma = std::max(best.fma, fma_rate(threads_));
  best.memory = std::max(best.memory, memory_->rate());
}

double Limit::ms(const Rates& rates) const {
  return 1e3 * std::max(flops_ / rates.fma, bytes_ / rates.memory);
}

bool Limit::is_compute(const Rates& rates) const {
  return flops_ / rates.fma > bytes_ / rates.memory;
}

}  // namespace tenon::bench
