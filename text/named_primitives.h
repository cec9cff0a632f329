// The primitives, reshape and expand by their names in a graph's text, in one table, which is also
// the reference in docs/graph-text.md. Used by parse_graph.cpp.
#pragma once

#include <string>
#include <vector>

#include "text/call.h"

namespace tenon {

// The primitive that is called, or an empty tensor where `call.op` names none. Errors name the
// operation and what it takes.
Tensor primitive(Executor& executor, const Call& call);

// Whether the call is exactly what a scalar operation takes: as many operands, of one shape, with
// the types of its table. Others of that name are for the composed operations, which broadcast.
bool is_exact(const Call& call);

std::vector<std::string> primitive_names();

}  // namespace tenon
