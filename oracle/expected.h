// The right values of some elements of a graph's results, and by how much f32 may miss them. They
// are computed in double from the graph as it was written, before any rule, an element at a time:
// an element of a convolution costs as many steps as it has terms. So results of any size can be
// checked. Used by `tenon tune --verify`, by bench and by tests.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace tenon {

struct Sample {
  std::int64_t element;
  double value;
  double tolerance;  // by how much f32 may miss the value
};

// What is known of a result.
struct Expected {
  Type type;
  std::vector<Sample> samples;  // spread evenly from the first element to the last
  double tolerance;             // of the other elements: the largest of the samples
};

// At most so many samples of each output, or all elements if there are fewer. Nothing if computing
// them would take too long (many seconds). Requires: the leaves below the outputs have values that
// this process can read.
std::optional<std::vector<Expected>> expected_of(const std::vector<Tensor>& outputs,
                                                 std::int64_t samples = 1000);

// Makes no tolerance smaller than this one.
void widen(Expected& expected, double least_tolerance);

// The element of a result in memory.
double element_of(Type type, const void* data, std::int64_t element);

}  // namespace tenon
