#include "codegen/cpu_backend.h"

#include "codegen/compile.h"
#include "codegen/cpu_device.h"
#include "codegen/cpu_info.h"
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
          .version = compiler_version()};
}

}  // namespace tenon
