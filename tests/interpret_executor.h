// The executor that interprets: for tests, and for `tenon run --device interpret`. It has the whole
// behaviour of a session (realized nodes, versions) and none of its machinery.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/executor.h"

namespace tenon {

// Plain memory, aligned to 64 bytes. It runs no programs: load and launch throw Error.
class HostDevice : public Device {
 public:
  std::string name() const override { return "interpret"; }
  BufferRef allocate(std::size_t bytes) override;
  void read(const Buffer& from, void* to) override;
  void write(Buffer& to, const void* from) override;
  ProgramRef load(const Artifact& artifact) override;
  void launch(const Program& program, std::span<void* const> buffers,
              std::span<const std::int64_t> sizes) override;
};

class InterpretExecutor : public Executor {
 public:
  Device& device() override { return device_; }
  NodeTable& nodes() override { return nodes_; }
  std::vector<NodeRef> realize(std::span<const NodeRef> wanted) override;
  NodeRef assign(const NodeRef& target, const NodeRef& value) override;

 private:
  HostDevice device_;
  NodeTable nodes_;
};

}  // namespace tenon
