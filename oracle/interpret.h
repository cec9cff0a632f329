// The interpreter: the oracle of every test, slow and obvious. It computes each node in double
// (integers wrapped to their type), accumulates in double, and rounds every node's result to its
// type. Used by tests and by interpret_executor.h.
#pragma once

#include <span>
#include <vector>

#include "core/node.h"

namespace tenon {

// The values of every node asked for, row-major, as doubles. Leaves are read through `device`;
// nodes that `table`, where there is one, knows to be realized are read from their leaves. Error: a
// leaf was overwritten in place.
std::vector<std::vector<double>> interpret(std::span<const NodeRef> nodes, Device& device,
                                           const NodeTable* table = nullptr);

// The same values in new buffers of the device.
std::vector<BufferRef> interpret_to_buffers(std::span<const NodeRef> nodes, Device& device,
                                            const NodeTable& table);

}  // namespace tenon
