// drop_reshapes: the last step of the graph rules. Used by rules.cpp.
#pragma once

#include <vector>

#include "core/node.h"

namespace tenon {

// A requested reshape of a computed value is replaced by the value itself, because the bytes are
// identical. It takes over the reshape's name. For example, of the requests
//
//   %1 = add(a, b)  # f32[6]    %2 = reshape(%1, shape=[2,3])    output %2
//
// remains `output %1`: no kernel copies %1 to %2.
//
// A reshape is kept if its value is requested in another shape too, because no two results share
// memory, and if a Gather reads it, because the data of a Gather has memory of its own.
std::vector<NodeRef> drop_reshapes(std::vector<NodeRef> wanted, NodeTable& table);

}  // namespace tenon
