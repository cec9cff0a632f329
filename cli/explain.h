// `tenon explain FILE`: prints what becomes of a graph, stage by stage, from the file to machine
// code.
#pragma once

#include <string>
#include <vector>

#include "cli/run.h"

namespace tenon::cli {

struct ExplainOptions : GraphOptions {
  std::vector<std::string> stages;  // to show; empty: all but the assembly
};
// The names of the stages, in their order.
const std::vector<std::string>& explain_stages();

void explain(const ExplainOptions& options);

}  // namespace tenon::cli
