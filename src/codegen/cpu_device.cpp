#include "codegen/cpu_device.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>

#include <sys/mman.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "codegen/memory_pool.h"
#include "core/error.h"

namespace tenon {
namespace {

// Code in memory of its own: written first, then made executable, never both at once.
struct CpuProgram : Device::Program {
  explicit CpuProgram(const Artifact& artifact)
      : shared_scratch(artifact.shared_scratch), thread_scratch(artifact.thread_scratch) {
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
  }

  std::shared_ptr<void> memory;
  KernelFunction function;
  std::size_t shared_scratch, thread_scratch;  // bytes
};

}  // namespace

struct CpuDevice::Implementation {
  explicit Implementation(int threads)
      : threads(threads),
        pool(std::make_shared<MemoryPool>()),
        workers(tbb::global_control::max_allowed_parallelism, threads),
        arena(threads),
        shared(pool->take(0)) {
    for (int thread = 0; thread < threads; ++thread) per_thread.push_back(pool->take(0));
    runtime = {.parallel = run_parallel, .self = this};
  }

  // Memory of the kernels' own grows to what the largest of them needs.
  void* at_least(std::size_t bytes, BufferRef& scratch) const {
    if (bytes > scratch->bytes) {
      scratch.reset();
      scratch = pool->take(bytes);
    }
    return scratch->data;
  }

  // A few pieces for each thread: idle threads take what busy ones have not begun.
  static void run_parallel(const Runtime* runtime, Runtime::Body body, void* context,
                           std::int64_t count) {
    constexpr std::int64_t pieces = 8;  // a thread
    if (count <= 0) return;
    auto& self = *static_cast<Implementation*>(runtime->self);
    if (self.threads == 1 || count == 1) return body(context, 0, count, self.per_thread[0]->data);
    const std::int64_t grain = std::max<std::int64_t>(1, count / (pieces * self.threads));
    self.arena.execute([&] {
      tbb::parallel_for(tbb::blocked_range<std::int64_t>(0, count, grain), [&](const auto& range) {
        const int thread = tbb::this_task_arena::current_thread_index();
        body(context, range.begin(), range.end(), self.per_thread[thread]->data);
      });
    });
  }

  int threads;
  std::shared_ptr<MemoryPool> pool;
  tbb::global_control workers;  // as many as were asked for, also beyond the cores
  tbb::task_arena arena;
  std::mutex launching;
  BufferRef shared;
  std::vector<BufferRef> per_thread;
  Runtime runtime;
};

CpuDevice::CpuDevice(int threads) {
  if (threads < 0) fail("{} threads were asked for; give at least 1, or 0 for all", threads);
  if (threads == 0) threads = tbb::this_task_arena::max_concurrency();
  implementation_ = std::make_unique<Implementation>(threads);
}

CpuDevice::~CpuDevice() = default;

int CpuDevice::threads() const { return implementation_->threads; }

BufferRef CpuDevice::allocate(std::size_t bytes) { return implementation_->pool->take(bytes); }

void CpuDevice::read(const Buffer& from, void* to) {
  if (from.bytes > 0) std::memcpy(to, from.data, from.bytes);
}

void CpuDevice::write(Buffer& to, const void* from) {
  if (to.bytes > 0) std::memcpy(to.data, from, to.bytes);
}

Device::ProgramRef CpuDevice::load(const Artifact& artifact) {
  return std::make_shared<CpuProgram>(artifact);
}

void CpuDevice::launch(const Program& program, std::span<void* const> buffers,
                       std::span<const std::int64_t> sizes) {
  const auto& code = static_cast<const CpuProgram&>(program);
  Implementation& self = *implementation_;
  const std::lock_guard lock(self.launching);
  void* shared = self.at_least(code.shared_scratch, self.shared);
  for (BufferRef& scratch : self.per_thread) self.at_least(code.thread_scratch, scratch);
  code.function(buffers.data(), sizes.data(), shared, self.per_thread[0]->data, &self.runtime);
}

}  // namespace tenon
