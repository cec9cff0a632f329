// The invariants of a node, in one place. NodeTable::make checks every new node; what breaks one is
// a mistake of ours, since tensor.h tells users of theirs before. Read next: node.h.
#pragma once

#include <string>

#include "core/node.h"

namespace tenon {

// What is wrong with the node, or nothing. Requires: its inputs are verified nodes.
//
//   every node   extents are 0 or more; inputs are there
//   Leaf         no inputs; a buffer holds all elements; a constant has rank 0 and a value of its
//                type; iota has rank 1 and type i32
//   Map          arity, operand types and result type are those of scalar_table; one shape
//   Reduce       axes ascend, are there and vanish; one type, and no sum of bool; two inputs have
//                one shape and a sum
//   View         an index per axis of the input and ranges, over axes of the result; what is read
//                lies in the input wherever all ranges hold: known from bounds, or else, in builds
//                that verify, seen on samples
//   Gather       the index, i32, stands in place of the axis
//   Scatter      the same for the update; no addition of bool
std::string fault(const Node& node);

}  // namespace tenon
