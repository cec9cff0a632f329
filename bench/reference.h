// The right values of a graph's results, to compare those of Tenon and its peers with. They are
// computed in double from the graph as it was written, before any rule, an element at a time: an
// element of a convolution costs as many steps as it has terms. Used by suite.cpp. Read next:
// contest.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace tenon::bench {

struct Sample {
  std::int64_t element;
  double value;
  double tolerance;  // by how much f32 may miss the value
};

// What is known of a result.
struct Expected {
  Type type;
  std::vector<Sample> samples;  // 1,000 elements, or all if there are fewer, from first to last
  double tolerance;             // of the other elements: the largest of the samples
};

// Nothing if computing the elements would take too long (many seconds), or if an element cannot be
// computed alone (Scatter). Requires: the leaves below the outputs have values.
std::optional<std::vector<Expected>> expected_of(const std::vector<Tensor>& outputs);

// Makes no tolerance smaller than this one.
void widen(Expected& expected, double least_tolerance);

// The element of a result in memory.
double element_of(Type type, const void* data, std::int64_t element);

}  // namespace tenon::bench
