// Facts about this machine's processor, from CPUID and the system's files. An Isa is a set of x86
// vector instructions that the CPU's backend can use. Only the code for the CPU uses this header;
// everything above it sees a Machine (backend.h) and a Target (lower/target.h).
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
// A statement may have 64 lanes, because LLVM splits vectors that are longer than a register. For
// fma128 the limit is one 16-byte register: beyond it, LLVM would use the 32-byte registers of AVX.
constexpr Target target(Isa isa) {
  return {name(isa), info(isa).vector_bytes, info(isa).vector_registers,
          isa == Isa::fma128 ? 4 : 64};
}

Machine this_machine();  // with all threads that the process may run on

// The widest Isa of this processor, from CPUID alone. Error: the processor has no FMA.
Isa widest_isa();

}  // namespace tenon
