#include "codegen/cpu_backend.h"

#include <dlfcn.h>

#include "codegen/cpu_device.h"
#include "codegen/llvm/module.h"
#include "core/error.h"

namespace tenon {
namespace {

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

Backend cpu_backend(int threads, std::string_view asked) {
  if (threads < 0) fail("a session of {} threads: give 1 or more, or 0 for all", threads);
  const Isa isa = resolved(asked);
  Machine machine = this_machine();
  if (threads > 0) machine.threads = threads;
  auto device = cpu_device(machine.threads);
  return {.device = std::move(device),
          .target = target(isa),
          .machine = std::move(machine),
          .compile = [isa](const FinishedKernel& kernel) { return compile(kernel, isa); },
          .print = [isa](const FinishedKernel& kernel,
                         Output output) { return print(kernel, isa, output); },
          .version = TENON_COMPILER_VERSION};
}

Compiled compile(const FinishedKernel& kernel, Isa isa) {
  Compiled made = module().compile(kernel, isa);
  if (auto* artifact = std::get_if<Artifact>(&made)) {
    artifact->name = kernel.kernel.name;
    artifact->launch_scratch = kernel.launch_scratch;
    artifact->thread_scratch = kernel.thread_scratch;
  }
  return made;
}

std::string print(const FinishedKernel& kernel, Isa isa, Output output) {
  const Printed text = module().print(kernel, isa, output);
  if (const auto* failure = std::get_if<CompileFailure>(&text))
    fail("{}: {}", kernel.kernel.name, failure->reason);
  return std::get<std::string>(text);
}

}  // namespace tenon
