// The CPU as a device: memory, threads and launches on this machine. Used by cpu_backend.cpp. The
// device runs what compile() made or the cache kept, and knows nothing of LLVM.
//
// One launch runs at a time. allocate() and the release of buffers may be called from any thread.
#pragma once

#include <memory>

#include "core/device.h"

namespace tenon {

// Threads: 1 or more, also beyond the cores.
std::unique_ptr<Device> cpu_device(int threads);

}  // namespace tenon
