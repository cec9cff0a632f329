// The interpreter of graphs: slow, obvious, and the oracle of the tests. It computes each node in
// double (integers wrap), accumulates in double, and rounds every node's result to the node's type.
// Used by tests and by interpret_executor.h.
#pragma once

#include <span>
#include <vector>

#include "core/node.h"

namespace tenon {

// The values of each of the nodes, row-major, as doubles. Leaves are read through `device`. If a
// table is given, the values of realized nodes are read from their leaves. Error: a leaf was
// overwritten in place.
std::vector<std::vector<double>> interpret(std::span<const NodeRef> nodes, Device& device,
                                           const NodeTable* table = nullptr);

// The same values in new buffers of the device.
std::vector<BufferRef> interpret_to_buffers(std::span<const NodeRef> nodes, Device& device,
                                            const NodeTable& table);

}  // namespace tenon
