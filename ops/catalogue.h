// The catalogue: every composed operation by its name in a graph file, in one table. The page
// docs/operations.md is printed from it. Used by the program `tenon`, through text/parse_graph.h.
// To add an operation, add a line to the table in catalogue.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/call.h"

namespace tenon {

// Builds the composed operation that a graph file calls. For a name that is not in the table it
// returns an empty tensor. It is a Resolver (text/parse_graph.h). Errors show the operation's
// signature.
Tensor compose(const Call& call);

struct OperationLine {
  std::string_view group;      // "Arithmetic"
  std::string_view signature;  // "softmax(x, axis=-1)"; arguments.h says how it is read
  std::string_view summary;    // one line
};
std::vector<OperationLine> operation_lines();  // in the table's order

std::vector<std::string> operation_names();  // of the same lines, for "did you mean"

// The text of docs/operations.md. A test compares the file with it.
std::string operations_page();

}  // namespace tenon
