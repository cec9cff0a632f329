// What this machine's processor is, from CPUID and the system's files. Isa: the vector instructions
// of x86 processors that the CPU's backend can use, and what is known of each. Used by the code for
// the CPU alone; everything above sees a Machine (backend.h) and a Target (lower/target.h).
#pragma once

#include "codegen/backend.h"

namespace tenon {

enum class Isa : std::uint8_t { avx512, avx2, fma128 };  // the widest first; all need FMA
struct IsaInfo {
  std::string_view name;
  int vector_bytes;
  int vector_registers;              // that the instructions can name
  const char *processor, *features;  // in LLVM's words
};
inline constexpr IsaInfo isa_table[] = {
    {"avx512", 64, 32, "x86-64-v4", "-prefer-256-bit"},
    {"avx2", 32, 16, "x86-64-v3", ""},
    {"fma128", 16, 16, "x86-64-v2", "+avx,+fma"},
};
constexpr const IsaInfo& info(Isa isa) { return isa_table[static_cast<std::size_t>(isa)]; }
constexpr std::string_view name(Isa isa) { return info(isa).name; }
constexpr int vector_bytes(Isa isa) { return info(isa).vector_bytes; }
// Beyond a register LLVM splits vectors by itself. For fma128 it would use the 32-byte registers
// that are there.
constexpr Target target(Isa isa) {
  return {name(isa), info(isa).vector_bytes, info(isa).vector_registers,
          isa == Isa::fma128 ? 4 : 64};
}

Machine this_machine();  // with all threads that the process may run on

// The widest instructions alone: CPUID, no file. Error where there is no FMA.
Isa widest_isa();

}  // namespace tenon
