// The CPU as a device: memory, threads and launches on this machine. Used by cpu_backend.cpp. The
// device runs what compile() made or the cache kept, and knows nothing of LLVM.
//
// One launch runs at a time. allocate() and the release of buffers may be called from any thread.
//
// The code of a kernel is one function:
//
//   void kernel(void* const* buffers, const int64_t* sizes, void* launch_scratch, void*
//               thread_scratch, const Runtime* runtime);
//
// Buffers come in the order of the kernel's arguments. All extents are constants, so code does not
// read `sizes` yet. All threads of a launch share `launch_scratch`; `thread_scratch` belongs to the
// running thread. Parallel loops call runtime->parallel with an outlined body; everything else is
// straight code. Code never allocates and has no relocation against anything outside itself.
#pragma once

#include "core/device.h"

namespace tenon {

struct Runtime {
  // Calls body(context, begin, end, scratch of the running thread) for ranges that cover [0, count)
  // once. Returns when all calls have returned.
  using Body = void (*)(void* context, std::int64_t begin, std::int64_t end, void* thread_scratch);
  void (*parallel)(const Runtime* runtime, Body body, void* context, std::int64_t count);
  void* self;  // the device
};
using KernelFunction = void (*)(void* const* buffers, const std::int64_t* sizes,
                                void* launch_scratch, void* thread_scratch, const Runtime* runtime);

// `threads` is 1 or more, and may exceed the number of cores.
std::unique_ptr<Device> cpu_device(int threads);

}  // namespace tenon
