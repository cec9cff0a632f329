#include "codegen/memory_pool.h"

#include <algorithm>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"

namespace tenon {
namespace {

constexpr std::size_t line = 64;                         // bytes
constexpr std::size_t huge_page = 2 << 20;               // bytes
constexpr std::size_t most_kept = std::size_t{1} << 30;  // bytes that wait for reuse

// Multiples of a line, a page or a huge page, so that about equal sizes share blocks.
std::size_t round_up(std::size_t bytes) {
  const std::size_t unit = bytes >= huge_page ? huge_page : bytes >= 16 * 4096 ? 4096 : line;
  return (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
}

}  // namespace

MemoryPool::~MemoryPool() {
  for (const auto& [size, blocks] : free_) std::for_each(blocks.begin(), blocks.end(), std::free);
}

BufferRef MemoryPool::take(std::size_t bytes) {
  constexpr std::size_t too_many = std::size_t{1} << 47;  // no process has these
  const std::size_t size = round_up(std::min(bytes, too_many));
  void* block = bytes < too_many ? block_of(size) : nullptr;
  if (!block) {
    fail("out of memory: a buffer of {} bytes was asked for, about {} bytes are free", bytes,
         sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE));
  }
  return {new Buffer{.data = block, .bytes = bytes},
          [pool = shared_from_this(), size](Buffer* freed) {
            pool->give_back(freed->data, size);
            delete freed;
          }};
}

void* MemoryPool::block_of(std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    std::vector<void*>& waiting = free_[size];
    if (!waiting.empty()) {
      void* block = waiting.back();
      waiting.pop_back();
      free_bytes_ -= size;
      return block;
    }
  }
  const bool is_huge = size >= huge_page;
  void* block = std::aligned_alloc(is_huge ? huge_page : line, size);
  if (block && is_huge) madvise(block, size, MADV_HUGEPAGE);  // advice: it may be ignored
  return block;
}

void MemoryPool::give_back(void* block, std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + size <= most_kept) {
      free_[size].push_back(block);
      free_bytes_ += size;
      return;
    }
  }
  std::free(block);
}

}  // namespace tenon
