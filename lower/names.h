// Names: what people call the tensors of a kernel. A nest has canonical names (in0, sum, map2),
// which are the same for every graph of its structure, so that one schedule holds for all of them.
// For people, tensors and loops go by the names of the graph at hand: after renaming, `in1` is `w`
// and the loop `sum.k` is `logits.k`. Used by the session for moves by hand, and by the program
// `tenon` for its explain (cli/renamed_schedule.h).
#pragma once

#include "lower/fusion.h"
#include "lower/nest.h"

namespace tenon {

using NodeNames = std::function<std::string(const Node&)>;  // "" for a node without a name

using Names = std::unordered_map<std::string, std::string>;  // of tensors: canonical -> given

// Names for all tensors of the naive nest. They are words that schedules can contain, and unique. A
// tensor without a given name keeps its own, with a number if that is taken.
Names names_of(const KernelGraph& graph, const Kernel& naive, const NodeNames& given);

// The nest, before or after moves, with the given names.
Kernel renamed(Kernel kernel, const Names& names);

// Give one tensor, or one axis, its given name. A tile and an axis are called after a tensor:
// `in1.pc` and `in1.pc.k0` after `in1`. The short form of an axis, `k` for `sum.k`, names no
// tensor.
void rename_tensor(std::string& name, const Names& names);
void rename_axis(std::string& name, const Names& names);

}  // namespace tenon
