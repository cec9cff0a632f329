// The executor that interprets: a session of core/interpret.h and nothing else, on plain memory.
#pragma once

#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/executor.h"
#include "core/interpret.h"

namespace tenon {

// Plain memory, aligned to 64 bytes. It runs no programs: load and launch throw Error.
class HostDevice : public Device {
 public:
  BufferRef allocate(std::size_t bytes) override {
    void* const data = std::aligned_alloc(64, bytes / 64 * 64 + 64);
    if (!data) fail("out of memory: {} bytes were asked for", bytes);
    return {new Buffer{data, bytes, 0, data}, [](Buffer* buffer) {
              std::free(buffer->data);
              delete buffer;
            }};
  }
  void read(const Buffer& from, void* to) override {
    if (from.bytes > 0) std::memcpy(to, from.data, from.bytes);
  }
  void write(Buffer& to, const void* from) override {
    if (to.bytes > 0) std::memcpy(to.data, from, to.bytes);
  }
  void copy(const Buffer& from, Buffer& to) override { read(from, to.data); }
  ProgramRef load(const Artifact&) override { fail("the interpreter runs no compiled programs"); }
  void launch(const Program&, std::span<void* const>, std::span<const std::int64_t>) override {
    fail("the interpreter runs no compiled programs");
  }
};

class InterpretExecutor : public Executor {
 public:
  Device& device() override { return device_; }

 private:
  std::vector<BufferRef> compute(std::span<const NodeRef> wanted) override {
    return interpret_to_buffers(wanted, device_, nodes());
  }

  HostDevice device_;
};

}  // namespace tenon
