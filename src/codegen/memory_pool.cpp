#include "codegen/memory_pool.h"

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

bool is_mapped(std::size_t size) { return size >= huge_page; }

void* map_huge(std::size_t size) {
  // Room for the alignment, which is then cut off on both sides.
  void* mapped = mmap(nullptr, size + huge_page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* start = static_cast<char*>(mapped);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::size_t head = (huge_page - address % huge_page) % huge_page;
  if (head > 0) munmap(start, head);
  munmap(start + head + size, huge_page - head);
  madvise(start + head, size, MADV_HUGEPAGE);  // advice: it may be ignored
  return start + head;
}

void release(void* block, std::size_t size) {
  if (is_mapped(size)) {
    munmap(block, size);
  } else {
    std::free(block);
  }
}

std::size_t available_memory() {
  return static_cast<std::size_t>(sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryPool::~MemoryPool() {
  for (const auto& [size, blocks] : free_) {
    for (void* block : blocks) release(block, size);
  }
}

void* MemoryPool::take(std::size_t bytes) {
  constexpr std::size_t too_many = std::size_t{1} << 47;  // no machine has these
  const std::size_t size = bytes < too_many ? round_up(bytes) : bytes;
  if (bytes < too_many) {
    const std::lock_guard lock(mutex_);
    const auto found = free_.find(size);
    if (found != free_.end() && !found->second.empty()) {
      void* block = found->second.back();
      found->second.pop_back();
      free_bytes_ -= size;
      return block;
    }
  }
  void* block = nullptr;
  if (bytes < too_many) block = is_mapped(size) ? map_huge(size) : std::aligned_alloc(line, size);
  if (!block) {
    fail("out of memory: a buffer of {} bytes was asked for, about {} bytes are free", bytes,
         available_memory());
  }
  return block;
}

void MemoryPool::give_back(void* block, std::size_t bytes) {
  const std::size_t size = round_up(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + size <= most_kept) {
      free_[size].push_back(block);
      free_bytes_ += size;
      return;
    }
  }
  release(block, size);
}

}  // namespace tenon
