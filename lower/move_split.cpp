// split: one loop becomes several, the last part innermost. Halide: split; TVM: split.
//
//   for i 20                     split i -> io ii(8)         limit 8*io + ii < 20
//     y[i] = x[i]                                            for io 3
//                                                              for ii 8
//                                                                y[8*io + ii] = x[8*io + ii]
//
// If the parts do not divide the axis evenly, there is a limit. It is met by
//   mask   skip or mask the iterations beyond it
//   peel   if a tile is unrolled or a vector: full tiles in a loop without tests, then what is left
#include <fmt/format.h>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t most_iterations = 1 << 30;  // of all inner parts together

}  // namespace

Reason rewrite(Kernel& kernel, const Split& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return fmt::format("no axis {}", move.axis);

  const std::int64_t extent = kernel.extent(*axis);
  const std::string old = std::exchange(kernel.axes[*axis].name, "");
  std::int64_t inner = 1;
  for (const Part& part : move.parts) {
    if (!part.extent) continue;
    if (part.extent > most_iterations / inner)
      return fmt::format("its parts would have over {} iterations", most_iterations);
    inner *= part.extent;
  }
  std::vector<Var> parts;
  Index whole;  // the axis in terms of its parts
  std::int64_t span = inner;
  for (const Part& part : move.parts) {
    const std::string name = old.substr(0, old.rfind('.') + 1) + part.name;
    if (std::ranges::count(kernel.axes, name, &Axis::name) > 0)
      return fmt::format("there is an axis {} already", name);
    if (part.extent) span /= part.extent;
    const std::int64_t length = part.extent ? part.extent : (extent + inner - 1) / inner;
    parts.push_back(kernel.add_axis(name, length));
    whole = whole + Index::var(parts.back()) * span;
  }
  change_bodies(kernel.body, [&](std::vector<Item>& body, const Path&) {
    for (Item& item : body) {
      Loop* loop = item.loop();
      if (!loop || loop->axis != *axis) continue;
      replace_axis(kernel, loop->body, *axis, whole, parts);
      *loop = {parts.front(), wrap(std::move(loop->body), std::span(parts).subspan(1))};
    }
  });
  const IndexMap in_parts = replacing(kernel, {*axis}, {whole});
  for (Limit& limit : kernel.limits) limit.index = in_parts(limit.index);
  for (KernelTensor& tensor : kernel.tensors)
    if (tensor.scope == *axis) tensor.scope = parts.back();
  if (extent % inner != 0) kernel.limits.push_back({whole, extent, move.tail});
  return {};
}

}  // namespace tenon
