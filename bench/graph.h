// Measures any graph, given as text: how long Tenon takes without tuning, and the share of the
// machine's limit that it reaches. Used by the suites graph and cliffs.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "tuner/session/session.h"

namespace tenon::bench {

struct GraphTime {
  double ms = 0;  // of a run; the least of five batches
  // The larger of the two times that the machine needs at least: for the operations at the rate of
  // its FMAs, and for a copy of as many bytes as the inputs and outputs have.
  double limit_ms = 0;
  double flops = 0;  // two for each instruction that a vector of terms or results takes, by lane
  double bytes = 0;  // inputs and outputs, each once
  int kernels = 0;

  double share() const { return limit_ms / ms; }
};

// The work that is worth measuring. A graph is run if its bytes or its flops are at least the
// least, and neither is above the most; else its ms are 0.
struct WorkBounds {
  double least_bytes = 0, most_bytes = 1e12;
  double least_flops = 0, most_flops = 1e15;
};
// Inputs get random values: f32 from -1 to 1, i32 from 0 to 99, bool. Error: the text is no graph.
GraphTime time_graph(Session& session, std::string_view text, const std::string& name,
                     const WorkBounds& bounds = {});

// What --json prints of a graph.
nlohmann::ordered_json json_of(const GraphTime& time, std::string_view suite,
                               const std::string& name, int threads);

}  // namespace tenon::bench
