// gdb's side is its "JIT Compilation Interface": a list of ELF objects in memory, which begins at
// __jit_debug_descriptor, and a function that is called after each change and in which gdb stops.
#include "codegen/debugger.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace {

struct Entry {
  Entry *next, *previous;
  const void* object;
  std::uint64_t bytes;
};
enum class Change : std::uint32_t { none, loaded, unloaded };
struct Descriptor {
  std::uint32_t version;
  Change change;
  Entry *changed, *first;
};

}  // namespace

// gdb finds both by name. They are hidden, since LLVM has a list of its own under the same names.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): gdb's names
[[gnu::visibility("hidden")]] Descriptor __jit_debug_descriptor{1, {}, {}, {}};
[[gnu::visibility("hidden"), gnu::noinline]] void __jit_debug_register_code() {
  asm volatile("" ::: "memory");
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
}

namespace tenon {
namespace {

void tell_gdb(Entry& entry, Change change) {
  static std::mutex mutex;  // of the list
  const std::lock_guard lock(mutex);
  Descriptor& list = __jit_debug_descriptor;
  if (change == Change::loaded) {
    entry.next = list.first;
    if (entry.next) entry.next->previous = &entry;
    list.first = &entry;
  } else {
    (entry.previous ? entry.previous->next : list.first) = entry.next;
    if (entry.next) entry.next->previous = entry.previous;
  }
  list.change = change;
  list.changed = &entry;
  __jit_debug_register_code();
}

// A kernel in gdb's list: the parts of an ELF object with one section, which is the kernel's code
// wherever that lies, and one symbol. Section and symbol have the same name.
struct Shown {
  Shown(const std::string& name, const void* code, std::size_t bytes) {
    std::memcpy(header.e_ident, "\177ELF\2\1\1", 7);  // 64 bits, little-endian, version 1
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_shoff = offsetof(Shown, sections);
    header.e_ehsize = sizeof header;
    header.e_shentsize = sizeof sections[0];
    header.e_shnum = 4;
    header.e_shstrndx = 3;
    const auto address = reinterpret_cast<std::uintptr_t>(code);
    // name, type, flags, address, offset, bytes, link, info, alignment, bytes of an element
    sections[1] = {1, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, address, 0, bytes, 0, 0, 64, 0};
    sections[2] = {0, SHT_SYMTAB,       0, 0, offsetof(Shown, symbols), sizeof symbols, 3, 1,
                   8, sizeof symbols[0]};
    sections[3] = {0, SHT_STRTAB, 0, 0, offsetof(Shown, strings), sizeof strings, 0, 0, 1, 0};
    symbols[1] = {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, address, bytes};
    name.copy(strings + 1, sizeof strings - 2);
    tell_gdb(entry, Change::loaded);
  }
  ~Shown() { tell_gdb(entry, Change::unloaded); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;

  Elf64_Ehdr header{};
  Elf64_Shdr sections[4]{};  // none, the code, the symbols, the strings
  Elf64_Sym symbols[2]{};    // none, the kernel
  char strings[128]{};       // begins and ends with a zero
  Entry entry{nullptr, nullptr, this, offsetof(Shown, entry)};
};

// Opens the file that gets perf's lines, or returns -1. A symbolic link of that name is not
// followed.
int open_perf_map() {
  const char* const wanted = std::getenv("TENON_PERF");
  if (!wanted || !*wanted) return -1;
  return open(fmt::format("/tmp/perf-{}.map", getpid()).c_str(),
              O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

}  // namespace

std::shared_ptr<void> show_to_debuggers(std::string_view name, const void* code,
                                        std::size_t bytes) {
  const std::string symbol = fmt::format("tenon_{}", name);
  static const int perf_map = open_perf_map();
  if (perf_map >= 0)
    dprintf(perf_map, "%zx %zx %s\n", reinterpret_cast<std::uintptr_t>(code), bytes,
            symbol.c_str());
  return std::make_shared<Shown>(symbol, code, bytes);
}

}  // namespace tenon
