// What the tests of code generation share: every Isa of this machine, and a compile that must work.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "codegen/cpu_backend.h"
#include "nest_builder.h"

namespace tenon {

inline std::vector<Isa> isas() {
  std::vector<Isa> all = {Isa::avx512, Isa::avx2, Isa::fma128};
  std::erase_if(all, [](Isa isa) { return isa < widest_isa(); });
  return all;
}

// Applies the last passes of finish() to a nest that was written by hand, with limits and vector
// loops.
inline FinishedKernel finished(FinishedKernel kernel, Isa isa) {
  kernel.kernel =
      name_lanes(explicit_tails(align_streams(kernel.kernel, target(isa))), target(isa));
  return kernel;
}

inline Artifact compiled(const FinishedKernel& kernel, Isa isa) {
  const Compiled result = compile(finished(kernel, isa), isa);
  if (const auto* failure = std::get_if<Refusal>(&result)) FAIL(failure->reason);
  return std::get<Artifact>(result);
}

inline std::string assembly(const FinishedKernel& kernel, Isa isa) {
  return print(finished(kernel, isa), isa, Output::assembly);
}

}  // namespace tenon
