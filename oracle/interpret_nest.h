// The interpreter of nests: runs a scheduled or a finished nest in plain C++, statement by
// statement, exactly as lower/nest.h says. Values of f32 are rounded after every operation,
// products under a sum are fused, and terms are added in the order of the loops. It is slow,
// obvious and free of LLVM: the oracle for lowering, for the moves, for the passes of finish() and
// for generated code.
#pragma once

#include <string>
#include <vector>

#include "lower/nest.h"

namespace tenon {

struct NestRun {
  std::vector<std::vector<double>> outputs;  // in the order of the kernel's arguments, row-major
  std::string error;                         // what went wrong, or empty
};

// Runs the kernel. `memory` holds the elements of its tensors: one vector for each, in the kernel's
// order. An empty vector is filled here with NaN (integers: a large odd number), so that a test
// sees if an element is read before it is written. Returns what went wrong, or "": an access
// outside a tensor is an error. `backwards`: loops and lanes whose tags promise independent
// iterations run in descending order, which must not change anything.
std::string run_nest(const Kernel& kernel, std::vector<std::vector<double>>& memory,
                     bool backwards = false);

// The same, but it takes the values of the kernel's inputs and returns those of its outputs.
// `inputs` hold the kernel's input arguments, in order, row-major.
NestRun evaluate_nest(const Kernel& kernel, const std::vector<std::vector<double>>& inputs,
                      bool backwards = false);

// Are all values the same bits, as values of f32 or integers? All NaNs are equal, +0 and -0 differ.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace tenon
