// From a finished nest to machine code for this CPU. The compiler is LLVM, which sits in one module
// (tenon_llvm) that is opened at the first call of compile(). Used by cpu_backend.cpp.
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

#include "codegen/backend.h"
#include "codegen/cpu_isa.h"

namespace tenon {

struct Runtime {
  // Calls body(context, begin, end, scratch of the running thread) so that [0, count) is covered
  // once; returns when all of it is done.
  using Body = void (*)(void* context, std::int64_t begin, std::int64_t end, void* thread_scratch);
  void (*parallel)(const Runtime* runtime, Body body, void* context, std::int64_t count);
  void* self;  // the device's own
};
using KernelFunction = void (*)(void* const* buffers, const std::int64_t* sizes,
                                void* launch_scratch, void* thread_scratch, const Runtime* runtime);

Compiled compile(const FinishedKernel& kernel, Isa isa);  // several threads may call it at once
std::string print(const FinishedKernel& kernel, Isa isa, Output output);  // Error: as of compile()
// What goes into an artifact's key: "LLVM 19.1.7" and the flags; does not open the module.
std::string compiler_version();

}  // namespace tenon
