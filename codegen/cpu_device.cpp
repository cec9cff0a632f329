#include "codegen/cpu_device.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <sys/mman.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include "codegen/debugger.h"
#include "core/error.h"

namespace tenon {
namespace {

constexpr std::size_t line = 64;                         // bytes
constexpr std::size_t huge_page = 2 << 20;               // bytes
constexpr std::size_t most_kept = std::size_t{1} << 30;  // bytes that wait for reuse
constexpr std::size_t too_many = std::size_t{1} << 47;   // bytes; no process has these

// Rounds up to a multiple of a line, a page or a huge page, so that a chunk can be used again for a
// buffer of nearly the same size.
std::size_t round_up(std::size_t bytes) {
  const std::size_t unit = bytes >= huge_page ? huge_page : bytes >= 16 * 4096 ? 4096 : line;
  return (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
}

// Chunks of memory aligned to a cache line, kept for reuse after they are given back. Safe to use
// from any thread. Every buffer holds a reference to its pool.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  BufferRef take(std::size_t bytes) {
    const std::size_t size = round_up(std::min(bytes, too_many));
    Chunk chunk = bytes < too_many ? chunk_of(size) : nullptr;
    if (!chunk)
      fail("out of memory: a buffer of {} bytes was asked for, about {} bytes are free", bytes,
           sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE));
    void* const memory = chunk.release();
    return {new Buffer{.data = memory, .bytes = bytes, .host = memory},
            [pool = shared_from_this(), size](Buffer* freed) {
              pool->give_back(Chunk(freed->data), size);
              delete freed;
            }};
  }

 private:
  using Chunk = std::unique_ptr<void, decltype([](void* memory) { std::free(memory); })>;

  // Large chunks ask the system for huge pages. Null: there is no memory.
  Chunk chunk_of(std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      if (auto waiting = free_.extract(size)) {
        free_bytes_ -= size;
        return std::move(waiting.mapped());
      }
    }
    const bool is_huge = size >= huge_page;
    Chunk chunk(std::aligned_alloc(is_huge ? huge_page : line, size));
    if (chunk && is_huge) madvise(chunk.get(), size, MADV_HUGEPAGE);  // advice: it may be ignored
    return chunk;
  }

  // Keeps the chunk. If enough is kept already, the chunk is freed after the lock is gone.
  void give_back(Chunk chunk, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + size > most_kept) return;
    free_.emplace_hint(free_.lower_bound(size), size, std::move(chunk));
    free_bytes_ += size;
  }

  std::mutex mutex_;
  std::multimap<std::size_t, Chunk> free_;  // by size, rounded up; of one size, the latest first
  std::size_t free_bytes_ = 0;
};

// Code in memory of its own: written first, then made executable, never both at once.
struct CpuProgram : Device::Program {
  explicit CpuProgram(const Artifact& artifact)
      : launch_scratch(artifact.launch_scratch), thread_scratch(artifact.thread_scratch) {
    const std::size_t size = artifact.code.size();
    if (artifact.entry >= size) fail("a kernel's code is {} bytes long and has no entry", size);
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) fail("no memory for the {} bytes of a kernel's code", size);
    memory = {mapped, [size](void* code) { munmap(code, size); }};
    std::memcpy(mapped, artifact.code.data(), size);
    if (mprotect(mapped, size, PROT_READ | PROT_EXEC) != 0)
      fail("this system does not let a program run code that it made itself: {}",
           std::strerror(errno));
    function = reinterpret_cast<KernelFunction>(static_cast<char*>(mapped) + artifact.entry);
    shown = show_to_debuggers(artifact.name, mapped, size);
  }

  std::shared_ptr<void> memory, shown;
  KernelFunction function;
  std::size_t launch_scratch, thread_scratch;  // bytes
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads)
      : threads_(threads),
        pool_(std::make_shared<MemoryPool>()),
        workers_(tbb::global_control::max_allowed_parallelism, threads),
        arena_(threads),
        launch_scratch_(pool_->take(0)),
        per_thread_(threads, launch_scratch_) {}

  BufferRef allocate(std::size_t bytes) override { return pool_->take(bytes); }

  void read(const Buffer& from, void* to) override {
    if (from.bytes > 0) std::memcpy(to, from.data, from.bytes);
  }
  void write(Buffer& to, const void* from) override {
    ++to.writes;
    if (to.bytes > 0) std::memcpy(to.data, from, to.bytes);
  }
  void copy(const Buffer& from, Buffer& to) override { write(to, from.data); }

  ProgramRef load(const Artifact& artifact) override {
    return std::make_shared<CpuProgram>(artifact);
  }

  void launch(const Program& program, std::span<void* const> buffers,
              std::span<const std::int64_t> sizes) override {
    const auto& code = static_cast<const CpuProgram&>(program);
    const std::lock_guard lock(launching_);
    void* launch_scratch = at_least(code.launch_scratch, launch_scratch_);
    for (BufferRef& scratch : per_thread_) at_least(code.thread_scratch, scratch);
    code.function(buffers.data(), sizes.data(), launch_scratch, per_thread_[0]->data, &runtime_);
  }

 private:
  // Scratch memory grows to what the largest kernel needs. All scratch buffers begin as one empty
  // buffer.
  void* at_least(std::size_t bytes, BufferRef& scratch) const {
    if (bytes > scratch->bytes) scratch = pool_->take(bytes);
    return scratch->data;
  }

  // A few pieces for each thread: idle threads take what busy ones have not begun.
  static void run_parallel(const Runtime* runtime, Runtime::Body body, void* context,
                           std::int64_t count) {
    constexpr std::int64_t pieces = 8;  // a thread
    if (count <= 0) return;
    auto& self = *static_cast<CpuDevice*>(runtime->self);
    if (self.threads_ == 1 || count == 1) return body(context, 0, count, self.per_thread_[0]->data);
    const std::int64_t grain = std::max<std::int64_t>(1, count / (pieces * self.threads_));
    self.arena_.execute([&] {
      tbb::parallel_for(tbb::blocked_range<std::int64_t>(0, count, grain), [&](const auto& range) {
        const int thread = tbb::this_task_arena::current_thread_index();
        body(context, range.begin(), range.end(), self.per_thread_[thread]->data);
      });
    });
  }

  int threads_;
  std::shared_ptr<MemoryPool> pool_;
  tbb::global_control workers_;  // as many as were asked for, also beyond the cores
  tbb::task_arena arena_;
  std::mutex launching_;
  BufferRef launch_scratch_;
  std::vector<BufferRef> per_thread_;
  Runtime runtime_{.parallel = run_parallel, .self = this};
};

}  // namespace

std::unique_ptr<Device> cpu_device(int threads) {
  check(threads > 0, "a device has a thread");
  return std::make_unique<CpuDevice>(threads);
}

}  // namespace tenon
