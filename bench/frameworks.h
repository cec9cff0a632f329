// PyTorch and onnxruntime as peers of the graphs in bench/graphs, each in a process of its own.
// peers/graph_frameworks.py builds the graphs there. Used by the suite graph. Read next: suite.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/contest.h"
#include "core/tensor.h"

namespace tenon::bench {

// Times of peers that are not in this process. If a result is wrong, no timing may be used.
struct Outside {
  std::vector<Timing> timings;
  std::optional<std::string> wrong;
};
// Called after the contest, with Tenon's result.
using MeasureOutside = std::function<Outside(const Buffer& result, int threads)>;

// Measures the frameworks that python3 has; a line on stderr names each that it lacks. Empty if
// this is no file of bench/graphs. `inputs` are the leaves of the graph, with their names.
MeasureOutside frameworks_of(const std::string& path, const std::vector<NodeRef>& inputs);

}  // namespace tenon::bench
