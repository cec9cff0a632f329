// The primitives by their names in a graph's text, in one table. docs/graph-text.md describes them.
// Used by parse_graph.cpp.
#pragma once

#include <string>
#include <vector>

#include "text/call.h"

namespace tenon {

// Makes the primitive that is called. If `call.op` names none, the result is an empty tensor.
// Errors name the operation and say what it takes.
Tensor primitive(Executor& executor, const Call& call);

// Is the call exactly what a scalar operation takes: its number of operands, of one shape and of
// the types in scalar_table? Any other call of that name makes a composed operation, which
// broadcasts.
bool is_exact(const Call& call);

std::vector<std::string> primitive_names();

}  // namespace tenon
