#include "codegen/cpu_backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <tbb/info.h>

#include "codegen/cpu_device.h"
#include "codegen/llvm/module.h"
#include "core/error.h"

namespace tenon {
namespace {

std::string model_name() {
  std::ifstream processors("/proc/cpuinfo");
  for (std::string line; std::getline(processors, line);)
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  return "x86-64";
}

// Reads the first word or number of a system file. Returns `value` if the file cannot be read.
template <typename T>
T system_value(const std::string& path, T value) {
  T read;
  return std::ifstream(path) >> read ? read : value;
}

std::vector<CacheLevel> read_caches() {
  std::vector<CacheLevel> caches;
  for (int entry = 0; entry < 16; ++entry) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", entry);
    const auto type = system_value<std::string>(folder + "type", "");
    if (type.empty()) break;
    if (type == "Instruction") continue;
    std::int64_t size = 0;
    char unit = 'B';
    std::ifstream(folder + "size") >> size >> unit;
    if (size <= 0) continue;
    size <<= unit == 'K' ? 10 : unit == 'M' ? 20 : 0;
    caches.push_back({size, system_value(folder + "coherency_line_size", 64),
                      system_value(folder + "ways_of_associativity", 0)});
  }
  std::ranges::sort(caches, {}, &CacheLevel::bytes);
  if (caches.empty()) caches = {{32 << 10, 64, 8}, {512 << 10, 64, 8}};
  return caches;
}

Isa resolved(std::string_view asked) {
  const Isa widest = widest_isa();
  if (asked.empty()) return widest;
  for (const Isa isa : {Isa::avx512, Isa::avx2, Isa::fma128}) {
    if (name(isa) != asked) continue;
    if (isa < widest) fail("--isa {}: this processor has {} at most", asked, name(widest));
    return isa;
  }
  fail("--isa {}: choose avx512, avx2 or fma128", asked);
}

// Opened once and never closed: LLVM does not survive being unloaded.
const CompilerModule& module() {
  static const auto* const opened = [] {
    void* library = dlopen("tenon_llvm.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("the compiler cannot be opened: {}; is it installed?", dlerror());
    const void* found = dlsym(library, "tenon_llvm_module");
    if (!found) fail("tenon_llvm.so is not Tenon's compiler: {}", dlerror());
    return static_cast<const CompilerModule*>(found);
  }();
  return *opened;
}

}  // namespace

// Asks the operating system as well as the processor, because vector registers may be used only if
// the system saves them.
Isa widest_isa() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx"))
    fail("this processor ({}) has no FMA instructions, which Tenon needs everywhere", model_name());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return Isa::avx512;
  return __builtin_cpu_supports("avx2") ? Isa::avx2 : Isa::fma128;
}

Machine this_machine() {
  Machine machine;
  machine.kind = "cpu";
  machine.model = model_name();
  machine.caches = read_caches();
  machine.threads = tbb::info::default_concurrency();
  const std::int64_t pages = sysconf(_SC_PHYS_PAGES);
  machine.memory = std::max<std::int64_t>(0, pages) * sysconf(_SC_PAGE_SIZE);
  for (const IsaInfo& isa : isa_table)
    if (isa.vector_bytes <= info(widest_isa()).vector_bytes) machine.isas.emplace_back(isa.name);
  return machine;
}

Backend cpu_backend(int threads, std::string_view asked) {
  if (threads < 0) fail("a session of {} threads: give 1 or more, or 0 for all", threads);
  const Isa isa = resolved(asked);
  Machine machine = this_machine();
  if (threads > 0) machine.threads = threads;
  return {.device = cpu_device(machine.threads),
          .target = target(isa),
          .machine = std::move(machine),
          .compile = [isa](const FinishedKernel& kernel) { return compile(kernel, isa); },
          .print = [isa](const FinishedKernel& kernel,
                         Output output) { return print(kernel, isa, output); },
          .version = TENON_COMPILER_VERSION};
}

Compiled compile(const FinishedKernel& kernel, Isa isa) {
  constexpr std::uint64_t address = 0x10'0000;  // any will do: the code does not depend on it
  const Printed object = module().print(kernel, isa, Output::object);
  if (const auto* failure = std::get_if<Refusal>(&object)) return *failure;
  Compiled made = module().lay_out(std::get<std::string>(object), address);
  if (auto* artifact = std::get_if<Artifact>(&made)) {
    artifact->name = kernel.kernel.name;
    artifact->launch_scratch = kernel.launch_scratch;
    artifact->thread_scratch = kernel.thread_scratch;
  }
  return made;
}

std::string print(const FinishedKernel& kernel, Isa isa, Output output) {
  const Printed text = module().print(kernel, isa, output);
  if (const auto* failure = std::get_if<Refusal>(&text))
    fail("{}: {}", kernel.kernel.name, failure->reason);
  return std::get<std::string>(text);
}

}  // namespace tenon
