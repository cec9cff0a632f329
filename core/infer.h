// The rules of the graph: what a node may be, and the type and shape that follow from its inputs.
// No other file states them, and NodeTable::make applies them to every node. Read next: node.h.
#pragma once

#include "core/node.h"

namespace tenon {

// Sets the type and shape that follow from the node's detail and inputs, and brings the detail to
// its normal form. Requires: every input went through infer, and the caller has set `type` and
// `shape` if they do not follow. Error, worded for users: the node breaks one of these rules.
//
//   every node   extents are 0 or more
//   Leaf         the caller sets type and shape. A float constant becomes the nearest value of its
//                type; an integer or bool constant must be a value of its type. An iota has at most
//                2^31 elements
//   Map          arity and types are those of scalar_table; the caller sets the type of a cast; all
//                inputs have one shape
//   Reduce       each axis is named once. The axes become ascending, and vanish from the shape. A
//                bool has no sum. Two inputs have one type and shape
//   View         the caller sets the shape. There is one index for each axis of the input. Indices
//                and ranges use axes of the result; axes of extent 1, and ranges that always hold,
//                are dropped. Every element that is read lies in the input; if bounds cannot show
//                that of a view with ranges, 64 random elements are tried
//   Gather       the index is i32; its axes replace the axis that is gathered
//   Scatter      the update has the shape that a Gather at this axis and index would have; a bool
//                cannot be added
//
// A caller may count axes from the end.
void infer(Node& node);

// Error, in the name of `operation`: an extent is negative, or there are more than 2^60 elements.
void require_extents(std::string_view operation, const Shape& shape);

// Is the node a View that returns its input unchanged?
bool changes_nothing(const Node& node);

}  // namespace tenon
