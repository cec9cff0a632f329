#include "cli/device_command.h"

#include <fmt/core.h>

#include "codegen/compile.h"
#include "codegen/cpu_info.h"

namespace tenon::cli {

namespace {

std::string size_text(std::int64_t bytes) {
  return bytes < 1 << 20 ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

void show_device() {
  const CpuInfo cpu = read_cpu_info();
  const Isa widest = widest_isa();
  fmt::print("processor   {}\n", cpu.model);
  fmt::print("vectors     {}", name(widest));
  for (const Isa isa : {Isa::avx2, Isa::fma128})
    if (vector_bytes(isa) < vector_bytes(widest)) fmt::print(", {}", name(isa));
  fmt::print("; {} bytes, {} registers\n", vector_bytes(widest), info(widest).vector_registers);
  fmt::print("threads     {}\n", cpu.threads);
  for (std::size_t level = 0; level < cpu.caches.size(); ++level) {
    const CpuCache& cache = cpu.caches[level];
    fmt::print("cache L{}    {}, lines of {} bytes", level + 1, size_text(cache.bytes), cache.line);
    if (cache.ways > 0) fmt::print(", {} ways", cache.ways);
    fmt::print(", shared by {} thread{}\n", cache.shared_by, cache.shared_by == 1 ? "" : "s");
  }
  if (cpu.memory > 0)
    fmt::print("memory      {:.1f} GiB\n", static_cast<double>(cpu.memory) / (1 << 30));
  fmt::print("compiler    {}\n", compiler_version());
}

}  // namespace tenon::cli
