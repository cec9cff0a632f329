// The backend of this machine's CPU, and its instruction sets: an Isa is a set of x86 vector
// instructions that the backend can use. Used by tuner/session, by `tenon device` and by the
// compiler. Everything above sees a Backend with its Machine and its Target, and knows no Isa.
//
// The compiler is LLVM, which sits in one module (tenon_llvm.so) that is opened at the first
// compile. Read next: llvm/emission.h for how a nest becomes code, cpu_device.h for how code runs.
#pragma once

#include "codegen/backend.h"

namespace tenon {

enum class Isa : std::uint8_t { avx512, avx2, fma128 };  // the widest first; all need FMA
struct IsaInfo : Target {
  const char *processor, *features;  // in LLVM's words
};
// A statement may have 64 lanes, because LLVM splits vectors that are longer than a register. For
// fma128 the limit is one 16-byte register: beyond it, LLVM would use the 32-byte registers of AVX.
inline constexpr IsaInfo isa_table[] = {
    {{"avx512", 64, 32, 64}, "x86-64-v4", "-prefer-256-bit"},
    {{"avx2", 32, 16, 64}, "x86-64-v3", ""},
    {{"fma128", 16, 16, 4}, "x86-64-v2", "+avx,+fma"},
};
constexpr const IsaInfo& info(Isa isa) { return isa_table[static_cast<std::size_t>(isa)]; }
constexpr std::string_view name(Isa isa) { return info(isa).name; }
constexpr const Target& target(Isa isa) { return info(isa); }

Machine this_machine();  // with all threads that the process may run on

// The widest Isa of this processor, from CPUID alone. Error: the processor has no FMA.
Isa widest_isa();

// `threads` of 0 means as many as the process may run on. `isa` names the instruction set to use,
// "avx512", "avx2" or "fma128"; "" means the widest one. Error: the number is negative, the name is
// unknown, or this processor lacks the instructions.
Backend cpu_backend(int threads = 0, std::string_view isa = "");

// The functions of the backend, for any instruction set.
Compiled compile(const FinishedKernel& kernel, Isa isa);
std::string print(const FinishedKernel& kernel, Isa isa, Output output);

}  // namespace tenon
