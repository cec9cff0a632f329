// Shows a loaded kernel to gdb and perf under the name tenon_NAME, without LLVM. Used by
// cpu_device, so that a kernel from the cache is shown like one that was just compiled.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace tenon {

// gdb knows the kernel for as long as the result lives. perf gets a line in /tmp/perf-PID.map if
// TENON_PERF is set and not empty when the first kernel is loaded. May be called by any thread.
std::shared_ptr<void> show_to_debuggers(std::string_view name, const void* code, std::size_t bytes);

}  // namespace tenon
