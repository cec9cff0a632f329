// Runs a compiled kernel as unkindly as the contract allows: outputs and scratch memory begin as
// NaNs, every block lies between guard zones, the pieces of parallel loops run in descending order.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "codegen/cpu_device.h"

namespace tenon::fuzz {

using Bytes = std::vector<std::byte>;

// Runs the kernel on `inputs`, and fills `outputs`, whose sizes are set by the caller. Both are in
// the order of the kernel's arguments. Returns what is wrong, or nothing: a guard zone or an input
// was written to.
std::string launch(const Artifact& artifact, const std::vector<const Bytes*>& inputs,
                   std::span<Bytes> outputs, int threads);

}  // namespace tenon::fuzz
