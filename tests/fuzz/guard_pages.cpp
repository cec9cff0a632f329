#include "guard_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace {

constexpr std::size_t page = 4096, huge_page = 2 << 20;  // bytes
constexpr std::uint32_t poison = 0x7fdeadbf;             // a NaN, and a large odd integer

struct Region {
  char* begin;
  std::size_t bytes;
};
std::mutex mutex;
std::map<void*, Region> regions;  // by block
bool is_guarding = false, at_end = false;

}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
void __real_free(void* memory);

void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (!is_guarding || bytes >= huge_page || alignment > page)
    return __real_aligned_alloc(alignment, bytes);
  const std::size_t inner = (bytes + page - 1) / page * page;
  void* const all = mmap(nullptr, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(all) + page;
  mprotect(begin, inner, PROT_READ | PROT_WRITE);
  std::fill_n(reinterpret_cast<std::uint32_t*>(begin), inner / sizeof poison, poison);
  const std::lock_guard lock(mutex);
  at_end = !at_end;
  char* const block = at_end ? begin + (inner - bytes) / alignment * alignment : begin;
  regions[block] = {begin - page, inner + 2 * page};
  return block;
}

void __wrap_free(void* memory) {
  {
    const std::lock_guard lock(mutex);
    if (const auto region = regions.find(memory); region != regions.end()) {
      munmap(region->second.begin, region->second.bytes);
      regions.erase(region);
      return;
    }
  }
  __real_free(memory);
}
// NOLINTEND(bugprone-reserved-identifier)
}

namespace tenon::fuzz {

void begin_guarding() { is_guarding = true; }

}  // namespace tenon::fuzz
