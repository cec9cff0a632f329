// The pick: the schedule that a kernel runs on when nobody has tuned it. Used by the kernel store.
#pragma once

#include "codegen/cpu_info.h"
#include "lower/nest.h"
#include "lower/schedule.h"

namespace tenon {

// Requires a naive nest. Ensures a schedule that is legal for it; the empty one is.
Schedule pick(const Kernel& naive, const CpuInfo& cpu, int threads);

}  // namespace tenon
