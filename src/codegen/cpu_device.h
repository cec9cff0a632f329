// CpuDevice: memory, threads and launches on this machine. Used by tuner/session and the cli;
// it runs what compile() made (or the cache kept) and knows nothing of LLVM.
//
// One launch runs at a time; allocate() and the release of buffers may be called from any thread.
#pragma once

#include <memory>
#include <string>

#include "codegen/compile.h"
#include "core/device.h"

namespace tenon {

class CpuDevice : public Device {
 public:
  // Threads: 0 for as many as the process may use.
  explicit CpuDevice(int threads = 0);
  ~CpuDevice() override;

  std::string name() const override { return "cpu"; }
  BufferRef allocate(std::size_t bytes) override;
  void read(const Buffer& from, void* to) override;
  void write(Buffer& to, const void* from) override;
  ProgramRef load(const Artifact& artifact) override;
  void launch(const Program& program, std::span<void* const> buffers,
              std::span<const std::int64_t> sizes) override;

  int threads() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace tenon
