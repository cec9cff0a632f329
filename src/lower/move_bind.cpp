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
std::optional<std::string> make_one(std::vector<Item>& items, Var outer, Var inner, Var one) {
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

Moved bind(const Kernel& kernel, const Bind& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return Refusal{fmt::format("no axis {}", move.axis)};
  const std::int64_t extent = kernel.axes[*axis].extent;
  if (move.tag == Tag::vector && extent > most_lanes)
    return Refusal{fmt::format("{} iterations are too many for one vector: split first", extent)};
  if (move.tag == Tag::unroll && extent > most_copies)
    return Refusal{fmt::format("{} copies are too many: split first", extent)};
  Kernel result = kernel;
  result.axes[*axis].tag = move.tag;
  return result;
}

Moved fuse(const Kernel& kernel, const Fuse& move) {
  const auto outer = kernel.find_axis(move.outer), inner = kernel.find_axis(move.inner);
  if (!outer || !inner) return Refusal{fmt::format("no axis {}", outer ? move.inner : move.outer)};
  Kernel result = kernel;
  const Axis first = kernel.axes[*outer];
  const Axis second = kernel.axes[*inner];
  for (const Limit& limit : kernel.limits)
    if (limit.index.uses(*inner)) return Refusal{fmt::format("{} has a tail", second.name)};
  const std::size_t dot = first.name.rfind('.');
  const Var one =
      result.add_axis((dot == std::string::npos ? "" : first.name.substr(0, dot + 1)) + move.name,
                      first.extent * second.extent);
  if (auto reason = make_one(result.body, *outer, *inner, one)) return Refusal{*reason};
  for (KernelTensor& tensor : result.tensors)
    if (tensor.scope == *inner) tensor.scope = one;

  std::optional<std::string> reason;
  result.body = map_stores(result.body, [&](const Item& item, const Store& store) {
    Store copy = store;
    const auto a = std::ranges::find(copy.over, *outer);
    const auto b = std::ranges::find(copy.over, *inner);
    if ((a == copy.over.end()) != (b == copy.over.end()))
      reason = "only one of them is added up over";
    else if (a != copy.over.end() && b != a + 1)
      reason = "they are not added up over one after the other";
    else if (a != copy.over.end())
      *copy.over.erase(a) = one;
    return Item{std::move(copy), item.when};
  });
  if (reason) return Refusal{*reason};
  result.axes[*outer].name.clear();
  result.axes[*inner].name.clear();
  const VarBounds bounds = result.bounds();
  substitute(result, *outer, floordiv(Index::var(one), second.extent, bounds));
  substitute(result, *inner, mod(Index::var(one), second.extent, bounds));
  return result;
}

}  // namespace tenon
