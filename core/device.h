// Device: where buffers live and kernels run; one of the library's two interfaces (the other is
// Executor). A device knows nothing of graphs or nests: it gets machine code and launches it.
// Implementations: codegen/cpu_device.h. Read next: executor.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tenon {

// Memory on a device. Freed (or given back to the device's pool) with the last reference.
struct Buffer {
  void* data;  // the address that kernels and the device use; aligned to 64 bytes at least
  std::size_t bytes;
  std::uint64_t version = 0;  // raised by every in-place write
  std::uint64_t writes = 0;   // by Device::write and Device::copy, which raise it
  void* host = nullptr;       // the address of this memory in this process, or null
};
using BufferRef = std::shared_ptr<Buffer>;

// Machine code as a device's compiler made it, and as the cache keeps it: a position-independent
// image and the facts needed to launch it.
struct Artifact {
  std::string code;                // bytes
  std::size_t entry = 0;           // bytes from the start of the code
  std::size_t launch_scratch = 0;  // bytes per launch
  std::size_t thread_scratch = 0;  // bytes per thread
  std::string name = {};           // the kernel's name, for debuggers and profilers
};

class Device {
 public:
  // A loaded artifact; unloaded with the last reference.
  class Program {
   public:
    virtual ~Program() = default;
  };
  using ProgramRef = std::shared_ptr<const Program>;

  virtual ~Device() = default;
  virtual BufferRef allocate(std::size_t bytes) = 0;    // Error: there is not enough memory
  virtual void read(const Buffer& from, void* to) = 0;  // copies all bytes
  virtual void write(Buffer& to, const void* from) = 0;
  virtual void copy(const Buffer& from, Buffer& to) = 0;  // both of one size, on this device
  virtual ProgramRef load(const Artifact& artifact) = 0;
  // Runs the program and returns when it is done. `buffers` are in the order of the kernel's
  // arguments. `sizes` is for symbolic lengths (extent.h), and is empty today.
  virtual void launch(const Program& program, std::span<void* const> buffers,
                      std::span<const std::int64_t> sizes) = 0;
};

}  // namespace tenon
