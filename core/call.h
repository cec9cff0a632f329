// A call in the text of a graph, `conv2d(x, w, stride=[2,2])`: what text/parse_graph.h reads and
// ops/catalogue.h builds.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace tenon {

using Attribute = std::variant<double, std::string, std::vector<double>>;
struct Call {
  std::string op;
  std::vector<Tensor> operands;
  std::map<std::string, Attribute> attributes;
};

}  // namespace tenon
