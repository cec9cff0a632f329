// MemoryPool: blocks of memory aligned to a cache line, kept for reuse after they are given back.
// Used by cpu_device.cpp. Safe to use from any thread.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace tenon {

class MemoryPool {
 public:
  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  // Large blocks are pages that ask for huge ones. Error: what was asked for and what there is.
  void* take(std::size_t bytes);
  // Requires a block of take(bytes) with the same number.
  void give_back(void* block, std::size_t bytes);

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;  // by size, rounded up
  std::size_t free_bytes_ = 0;
};

}  // namespace tenon
