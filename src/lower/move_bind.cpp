// bind: one tag a loop; and fuse, a form of order that makes one loop of two. Halide: parallel,
// vectorize, unroll, gpu_blocks, fuse; TVM: bind, tensorize, fuse.
//
//   for i 8                      bind i parallel             for i 8 parallel
//     for j 16                   bind j vector                 for j 16 vector
//       y[i,j] = x[i,j]                                          y[i,j] = x[i,j]
//
//   for r 4                      fuse r c -> rc              for rc 12
//     for c 3                                                  y[rc / 3] ..
#include <fmt/format.h>

#include <algorithm>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t most_lanes = 256;   // elements; more would only spill
constexpr std::int64_t most_copies = 128;  // of an unrolled body

// Every loop over `outer` must hold exactly one loop over `inner`, and `inner` occur nowhere else.
Reason make_one(std::vector<Item>& items, Var outer, Var inner, Var one) {
  for (Item& item : items) {
    Loop* loop = item.loop();
    if (!loop) continue;
    if (loop->axis == inner) return "the inner axis also occurs outside the outer one";
    if (loop->axis == outer) {
      const Loop* below = loop->body.size() == 1 ? loop->body.front().loop() : nullptr;
      if (!below || below->axis != inner || !loop->body.front().when.empty())
        return "they are not directly nested";
      loop->axis = one;
      loop->body = std::vector<Item>(below->body);
    } else if (auto reason = make_one(loop->body, outer, inner, one)) {
      return reason;
    }
  }
  return {};
}

}  // namespace

Reason rewrite(Kernel& kernel, const Bind& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return fmt::format("no axis {}", move.axis);
  const std::int64_t extent = kernel.extent(*axis);
  if (move.tag == Tag::vector && extent > most_lanes)
    return fmt::format("{} iterations are too many for one vector: split first", extent);
  if (move.tag == Tag::unroll && extent > most_copies)
    return fmt::format("{} copies are too many: split first", extent);
  kernel.axes[*axis].tag = move.tag;
  return {};
}

Reason rewrite(Kernel& kernel, const Fuse& move) {
  const auto outer = kernel.find_axis(move.outer), inner = kernel.find_axis(move.inner);
  if (!outer || !inner) return fmt::format("no axis {}", outer ? move.inner : move.outer);
  const Axis first = kernel.axes[*outer];
  const Axis second = kernel.axes[*inner];
  for (const Limit& limit : kernel.limits)
    if (limit.index.uses(*inner)) return fmt::format("{} has a tail", second.name);
  const Var one = kernel.add_axis(first.name.substr(0, first.name.rfind('.') + 1) + move.name,
                                  first.extent * second.extent);
  if (auto reason = make_one(kernel.body, *outer, *inner, one)) return reason;
  for (KernelTensor& tensor : kernel.tensors)
    if (tensor.scope == *inner) tensor.scope = one;

  Reason reason;
  visit_stores(kernel.body, [&](const Store& store, const Path&) {
    const auto a = position(store.over, *outer), b = position(store.over, *inner);
    if (a.has_value() != b.has_value())
      reason = "only one of them is added up over";
    else if (a && *b != *a + 1)
      reason = "they are not added up over one after the other";
  });
  if (reason) return reason;
  kernel.axes[*outer].name.clear();
  kernel.axes[*inner].name.clear();
  const VarBounds bounds = kernel.bounds();
  replace_axis(kernel, *outer, floordiv(Index::var(one), second.extent, bounds), {&one, 1});
  replace_axis(kernel, *inner, mod(Index::var(one), second.extent, bounds), {});
  return {};
}

}  // namespace tenon
