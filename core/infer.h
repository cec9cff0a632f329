// The rules of the graph: what a node may be, and which type and shape follow from its inputs. They
// stand here alone; NodeTable::make applies them to every node. Read next: node.h.
#pragma once

#include <string_view>

#include "core/node.h"

namespace tenon {

// Gives the node the type and shape that follow from its detail and inputs, and its detail its
// normal form. Requires: its inputs are such nodes, and `type` and `shape` are set where they do
// not follow. Error, as users read it, where the node cannot be.
//
//   every node   extents are 0 or more
//   Leaf         has type and shape; a constant takes the nearest value of its type, and integers
//                and bools no other
//   Map          arity and types are those of scalar_table, a cast has its type; one shape
//   Reduce       axes, each once, become ascending, and vanish; no sum of bool; two inputs have one
//                type and shape
//   View         has its shape, an index per axis of the input and ranges, over axes of the result.
//                Axes of extent 1 and ranges that always hold vanish from them. What is read lies
//                in the input wherever all ranges hold: known from bounds, or else, in builds
//                that verify, seen on samples
//   Gather       the index, i32, stands in place of the axis
//   Scatter      the same for the update; no addition of bool
//
// Axes may be counted from the end.
void infer(Node& node);

// Error, in the name of `operation`: an extent is negative, or all count more than 64 bits hold.
void require_extents(std::string_view operation, const Shape& shape);

// Whether the node, a View, gives its input as it is.
bool changes_nothing(const Node& node);

}  // namespace tenon
