#include "lower/drop_reshapes.h"

#include <unordered_map>
#include <unordered_set>

namespace tenon {
namespace {

// Does the View keep all elements in their row-major order?
bool is_reshape(const Node& node) {
  const auto* view = node.as<View>();
  if (!view || !view->inside.empty()) return false;
  const Shape& from = node.inputs[0]->shape;
  return elements(from) == elements(node.shape) &&
         (elements(from) == 0 || view->map == reshape_map(from, node.shape));
}

}  // namespace

std::vector<NodeRef> drop_reshapes(std::vector<NodeRef> wanted, NodeTable& table) {
  std::unordered_set<NodeRef> gathered;
  for (const NodeRef& node : in_order(wanted).nodes)
    if (node->as<Gather>()) gathered.insert(node->inputs[0]);
  std::unordered_map<NodeRef, NodeRef> results;  // each computed node, and the node it was asked as
  for (const NodeRef& node : wanted) results[node] = node;
  for (NodeRef& node : wanted) {
    if (!is_reshape(*node) || gathered.contains(node)) continue;
    const NodeRef& below = node->inputs[0];
    if (below->is_leaf() || below->as<View>()) continue;
    if (results.emplace(below, node).first->second != node) continue;
    table.set_name(*below, table.name(*node));
    node = below;
  }
  return wanted;
}

}  // namespace tenon
