// What the rules of rules.cpp are made of: tests on a node and small rewrites. Each function
// returns the new node, or null where it does not apply. Used by rules.cpp only.
#pragma once

#include <cstdint>
#include <optional>

#include "core/node.h"

namespace tenon {

// What a rule about an operation and a constant is about.
enum class For : std::uint8_t { floats, integers, booleans, all };
struct Pattern {
  ScalarOp op = ScalarOp::add;
  double constant = 0;
  For types = For::all;
};

// One node, whose inputs have been rewritten, the table for new ones, and the rule's pattern.
struct Subject {
  const NodeRef& node;
  NodeTable& table;
  Pattern pattern = {};

  const NodeRef& input(std::size_t i) const { return node->inputs[i]; }
  // Nodes of the same type and shape.
  NodeRef make(Node::Detail detail, std::vector<NodeRef> inputs) const {
    return table.make(std::move(detail), node->type, node->shape, std::move(inputs));
  }
  NodeRef constant(double value) const;
};

// The value of a node that is one constant in all elements, below Views or not.
std::optional<double> constant_value(const Node& node);

// ---- scalar operations ----

NodeRef fold_constants(const Subject& s);
NodeRef neutral(const Subject& s);        // x op c = c op x = x
NodeRef neutral_right(const Subject& s);  // x op c = x
NodeRef absorbing(const Subject& s);      // x op c = c op x = c
NodeRef choose_by_constant(const Subject& s);
NodeRef choose_between_equals(const Subject& s);
NodeRef cast_to_own_type(const Subject& s);
NodeRef cast_twice(const Subject& s);
NodeRef bitcast_back(const Subject& s);

// ---- views ----

NodeRef view_nothing(const Subject& s);
NodeRef view_of_constant(const Subject& s);
NodeRef view_of_view(const Subject& s);

// ---- reductions ----

NodeRef sum_of_products(const Subject& s);
NodeRef sum_of_viewed_products(const Subject& s);
NodeRef reduce_single_elements(const Subject& s);
NodeRef reduce_repeated_elements(const Subject& s);

}  // namespace tenon
