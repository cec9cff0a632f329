#include "cli/device_command.h"

#include <fmt/core.h>

#include <fmt/ranges.h>

#include "codegen/cpu_backend.h"

namespace tenon::cli {

namespace {

std::string size_text(std::int64_t bytes) {
  return bytes < 1 << 20 ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

void show_device() {
  const Backend backend = cpu_backend();
  const Machine& machine = backend.machine;
  fmt::print("processor   {}\n", machine.model);
  fmt::print("vectors     {}; {} bytes, {} registers\n", fmt::join(machine.isas, ", "),
             backend.target.vector_bytes, backend.target.vector_registers);
  fmt::print("threads     {}\n", machine.threads);
  for (std::size_t level = 0; level < machine.caches.size(); ++level) {
    const CacheLevel& cache = machine.caches[level];
    fmt::print("cache L{}    {}, lines of {} bytes", level + 1, size_text(cache.bytes), cache.line);
    if (cache.ways > 0) fmt::print(", {} ways", cache.ways);
    fmt::print("\n");
  }
  if (machine.memory > 0)
    fmt::print("memory      {:.1f} GiB\n", static_cast<double>(machine.memory) / (1 << 30));
  fmt::print("compiler    {}\n", backend.version);
}

}  // namespace tenon::cli
