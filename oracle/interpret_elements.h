// Computes single elements of a graph, with everything that they depend on and nothing else. So a
// few elements of a large result can be checked where interpret() would take hours. The arithmetic
// is that of interpret.h. Used by `tenon tune --verify` and by tests.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/node.h"

namespace tenon {

class ElementInterpreter {
 public:
  // Leaves are read through `device`. At most `most` elements of nodes are computed in all.
  ElementInterpreter(Device& device, std::int64_t most) : device_(device), left_(most) {}

  // The element at a row-major position, or nothing if it depends on too many others.
  std::optional<double> element(const NodeRef& node, std::int64_t position);

 private:
  struct TooMany {};
  double value(const Node& node, std::int64_t position);
  double compute(const Node& node, std::int64_t position);
  double reduce(const Node& node, std::int64_t position);
  double view(const Node& node, std::int64_t position);
  double gather(const Node& node, std::int64_t position);
  double scatter(const Node& node, std::int64_t position);

  Device& device_;
  std::int64_t left_;  // elements
  std::unordered_map<const Node*, std::vector<char>> leaves_;
  std::unordered_map<const Node*, std::unordered_map<std::int64_t, double>> known_;
};

}  // namespace tenon
