#include "codegen/cpu_info.h"

#include <cpuid.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/error.h"

namespace tenon {

namespace {

std::string model_name() {
  std::array<unsigned, 12> words{};
  if (__get_cpuid_max(0x80000000, nullptr) < 0x80000004) return "x86-64";
  for (unsigned i = 0; i < 3; ++i)
    __get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                &words[4 * i + 3]);
  char name[sizeof words + 1] = {};
  std::memcpy(name, words.data(), sizeof words);
  const std::string text = name;
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "x86-64"
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Asks the system as well as the processor: registers that are not saved cannot be used.
std::optional<Isa> widest() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx")) return std::nullopt;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return Isa::avx512;
  return __builtin_cpu_supports("avx2") ? Isa::avx2 : Isa::fma128;
}

// One word from a file of the system; empty where there is none.
std::string system_word(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  char word[256] = {};
  if (!file || std::fscanf(file.get(), "%255s", word) != 1) return "";
  return word;
}

int system_number(const std::string& path, int otherwise) {
  int number = otherwise;
  return std::sscanf(system_word(path).c_str(), "%d", &number) == 1 ? number : otherwise;
}

// How many processors a list like "0-3,8" names.
int list_length(const std::string& list) {
  int count = 0;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    int low = 0, high = 0;
    const int found = std::sscanf(list.substr(at, end - at).c_str(), "%d-%d", &low, &high);
    if (found > 0) count += found == 2 ? high - low + 1 : 1;
    at = end + 1;
  }
  return std::max(count, 1);
}

std::vector<CpuCache> read_caches() {
  std::vector<CpuCache> caches;
  for (int entry = 0; entry < 16; ++entry) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", entry);
    const std::string type = system_word(folder + "type");
    if (type.empty()) break;
    if (type == "Instruction") continue;
    std::int64_t size = 0;
    char unit = 'B';
    const std::string word = system_word(folder + "size");
    if (std::sscanf(word.c_str(), "%ld%c", &size, &unit) < 1 || size <= 0) continue;
    size <<= unit == 'K' ? 10 : unit == 'M' ? 20 : 0;
    caches.push_back({size, system_number(folder + "coherency_line_size", 64),
                      system_number(folder + "ways_of_associativity", 0),
                      list_length(system_word(folder + "shared_cpu_list"))});
  }
  std::sort(caches.begin(), caches.end(),
            [](const CpuCache& a, const CpuCache& b) { return a.bytes < b.bytes; });
  if (caches.empty()) caches = {{32 << 10, 64, 8, 1}, {512 << 10, 64, 8, 1}};
  return caches;
}

int usable_threads() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace

CpuInfo read_cpu_info() {
  return {model_name(), widest(), read_caches(), usable_threads(),
          std::max<std::int64_t>(0, sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE)};
}

Isa widest_isa() {
  if (const auto isa = widest()) return *isa;
  fail("this processor ({}) has no FMA instructions, which Tenon needs everywhere", model_name());
}

int vector_registers(Isa isa) { return isa == Isa::avx512 ? 32 : 16; }

}  // namespace tenon
