// What gdb and perf find out about loaded kernels. The tests read it as gdb and perf do.
#include <doctest/doctest.h>

#include <elf.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "codegen/debugger.h"
#include "session_support.h"

using namespace tenon;

// gdb's own declarations.
extern "C" {
struct jit_code_entry {
  jit_code_entry *next_entry, *prev_entry;
  const char* symfile_addr;
  std::uint64_t symfile_size;
};
struct jit_descriptor {
  std::uint32_t version, action_flag;
  jit_code_entry *relevant_entry, *first_entry;
};
extern jit_descriptor __jit_debug_descriptor;
}

namespace {

struct Symbol {
  std::string name, section;
  std::uint64_t address, bytes;
  bool operator==(const Symbol&) const = default;
};

// The symbol of an ELF object in memory, by the offsets that the object states.
Symbol symbol_in(const jit_code_entry& entry) {
  const char* const object = entry.symfile_addr;
  const auto read = [&]<typename Part>(std::uint64_t offset, Part part) {
    REQUIRE(offset + sizeof part <= entry.symfile_size);
    std::memcpy(&part, object + offset, sizeof part);
    return part;
  };
  const auto header = read(0, Elf64_Ehdr{});
  REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
  const auto section = [&](std::uint64_t number) {
    return read(header.e_shoff + number * header.e_shentsize, Elf64_Shdr{});
  };
  for (std::uint64_t number = 1; number < header.e_shnum; ++number) {
    const Elf64_Shdr symbols = section(number);
    if (symbols.sh_type != SHT_SYMTAB) continue;
    const auto symbol = read(symbols.sh_offset + symbols.sh_entsize, Elf64_Sym{});
    const Elf64_Shdr code = section(symbol.st_shndx);
    CHECK(code.sh_addr == symbol.st_value);
    CHECK(code.sh_size == symbol.st_size);
    return {object + section(symbols.sh_link).sh_offset + symbol.st_name,
            object + section(header.e_shstrndx).sh_offset + code.sh_name, symbol.st_value,
            symbol.st_size};
  }
  return {};
}

std::vector<std::string> listed() {
  std::vector<std::string> names;
  const jit_code_entry* previous = nullptr;
  for (const jit_code_entry* entry = __jit_debug_descriptor.first_entry; entry;
       entry = entry->next_entry) {
    CHECK(entry->prev_entry == previous);
    previous = entry;
    names.push_back(symbol_in(*entry).name);
  }
  return names;
}

}  // namespace

TEST_CASE("gdb finds a kernel's symbol for as long as the kernel is loaded") {
  const auto* code = reinterpret_cast<const void*>(std::uintptr_t{0x7f00'1234'5000});
  REQUIRE(__jit_debug_descriptor.version == 1);
  const std::vector<std::string> before = listed();
  auto first = show_to_debuggers("sum", code, 77);
  CHECK(__jit_debug_descriptor.action_flag == 1);
  REQUIRE(__jit_debug_descriptor.relevant_entry != nullptr);
  CHECK(symbol_in(*__jit_debug_descriptor.relevant_entry) ==
        Symbol{"tenon_sum", "tenon_sum", 0x7f00'1234'5000, 77});
  auto second = show_to_debuggers("map", code, 1);
  auto third = show_to_debuggers(std::string(1000, 'x'), code, 1);
  REQUIRE(listed().size() == before.size() + 3);
  CHECK(listed()[0] == "tenon_" + std::string(120, 'x'));

  second.reset();
  CHECK(__jit_debug_descriptor.action_flag == 2);
  CHECK(std::ranges::count(listed(), "tenon_map") == 0);
  third.reset();
  CHECK(listed()[0] == "tenon_sum");
  first.reset();
  CHECK(listed() == before);
}

TEST_CASE("perf gets a line for each kernel, compiled or from the cache, if it is asked for") {
  const Folder folder;
  folder.file("g.tenon", "a = iota(length=100)\nb = add(a, 1)\noutput b\n");
  // The shell writes its process id, and then becomes the program.
  const auto map_of = [&](const std::string& wanted) {
    const auto run = session_test::shell(
        folder, "sh -c 'echo $$ >pid; " + wanted +
                    " TENON_CACHE=cache.sqlite exec \"$0\" run g.tenon' '" TENON_PROGRAM "'");
    CHECK(run.code == 0);
    const std::string path =
        "/tmp/perf-" + std::to_string(std::stoi(contents(folder / "pid"))) + ".map";
    const std::string map = contents(path);
    std::remove(path.c_str());
    return map;
  };
  CHECK(map_of("TENON_PERF=") == "");
  std::remove((folder / "cache.sqlite").c_str());
  for (const std::string process : {"cold", "warm"}) {
    CAPTURE(process);
    std::istringstream line(map_of("TENON_PERF=1"));
    std::uint64_t address = 0, bytes = 0;
    std::string name, rest;
    line >> std::hex >> address >> bytes >> name;
    CHECK(address % 4096 == 0);
    CHECK(address > 0);
    CHECK(bytes > 16);
    CHECK(name == "tenon_map");
    CHECK_FALSE(static_cast<bool>(line >> rest));
  }
}
