// InterpretExecutor: an Executor that computes with interpret.h, on plain memory. Used by tests and
// by `tenon run --device interpret`.
#pragma once

#include <span>
#include <vector>

#include "core/executor.h"

namespace tenon {

// Plain memory, aligned to 64 bytes. It runs no programs: load and launch throw Error.
class HostDevice : public Device {
 public:
  BufferRef allocate(std::size_t bytes) override;
  void read(const Buffer& from, void* to) override;
  void write(Buffer& to, const void* from) override;
  void copy(const Buffer& from, Buffer& to) override;
  ProgramRef load(const Artifact& artifact) override;
  void launch(const Program& program, std::span<void* const> buffers,
              std::span<const std::int64_t> sizes) override;
};

class InterpretExecutor : public Executor {
 public:
  Device& device() override { return device_; }

 private:
  std::vector<BufferRef> compute(std::span<const NodeRef> wanted) override;

  HostDevice device_;
};

}  // namespace tenon
