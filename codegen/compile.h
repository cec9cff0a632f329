// From a finished nest to machine code for this CPU. The compiler is LLVM, which sits in one module
// (tenon_llvm) that is opened at the first call of compile(). Used by tuner/session and the cli.
//
// The code of a kernel is one function:
//
//   void kernel(void* const* buffers, const int64_t* sizes, void* launch_scratch, void*
//               thread_scratch, const Runtime* runtime);
//
// Buffers come in the order of the kernel's arguments. Parallel loops call runtime->parallel with
// an outlined body; everything else is straight code. Code never allocates and has no relocation
// against anything outside itself.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/device.h"
#include "lower/finish.h"

namespace tenon {

// Vector instructions to use. All need FMA.
enum class Isa : std::uint8_t { avx512, avx2, fma128 };
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

struct Runtime {
  // Calls body(context, begin, end, scratch of the running thread) so that [0, count) is covered
  // once; returns when all of it is done.
  using Body = void (*)(void* context, std::int64_t begin, std::int64_t end, void* thread_scratch);
  void (*parallel)(const Runtime* runtime, Body body, void* context, std::int64_t count);
  void* self;  // the device's own
};
using KernelFunction = void (*)(void* const* buffers, const std::int64_t* sizes,
                                void* launch_scratch, void* thread_scratch, const Runtime* runtime);

enum class Output : std::uint8_t { ir, assembly, object };  // LLVM's IR as emitted, ..

struct CompileFailure {
  std::string reason;
};
using Compiled = std::variant<Artifact, CompileFailure>;

Compiled compile(const FinishedKernel& kernel, Isa isa);
std::string print(const FinishedKernel& kernel, Isa isa, Output output);  // Error: as of compile()
// What goes into an artifact's key: "LLVM 19.1.7" and the flags; does not open the module.
std::string compiler_version();

}  // namespace tenon
