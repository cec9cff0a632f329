// MemoryPool: blocks of memory aligned to a cache line, kept for reuse after they are given back.
// Used by cpu_device.cpp. Safe to use from any thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/device.h"

namespace tenon {

// Held by shared pointers alone: its buffers keep it.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  // Large blocks are pages that ask for huge ones. Error: what was asked for and what there is.
  BufferRef take(std::size_t bytes);

 private:
  void* block_of(std::size_t size);
  void give_back(void* block, std::size_t size);

  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;  // by size, rounded up
  std::size_t free_bytes_ = 0;
};

}  // namespace tenon
