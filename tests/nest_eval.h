// Executes a nest in plain C++, statement by statement, exactly as lower/nest.h says: f32 values
// are rounded after every operation, products under a sum are fused, the order is the loops'. Slow
// and obvious, and no LLVM: the oracle for lowering and for the moves, before and after finish().
#pragma once

#include <string>
#include <vector>

#include "lower/nest.h"

namespace tenon {

struct NestRun {
  std::vector<std::vector<double>> outputs;  // in the order of the kernel's arguments, row-major
  std::string error;                         // what went wrong, or empty
};

// `inputs` hold the kernel's input arguments, in order, row-major. Memory that the kernel writes,
// locals included, begins as NaN (integers: a large odd number), so that what is read before it is
// written shows. An access outside a tensor is an error. `backwards`: loops whose tags promise
// independent iterations run in descending order, which must not change anything.
NestRun evaluate_nest(const Kernel& kernel, const std::vector<std::vector<double>>& inputs,
                      bool backwards = false);

// Are all values the same bits, as values of f32 or integers? All NaNs are equal, +0 and -0 differ.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace tenon
