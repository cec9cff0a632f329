// A call in the text of a graph, such as `conv2d(x, w, stride=[2,2])`. parse_graph.cpp reads it,
// and named_primitives.cpp or ops/catalogue.cpp builds the tensor that it describes.
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
