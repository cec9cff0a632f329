// split: one loop becomes several, the last part innermost. Halide: split; TVM: split.
//
//   for i 20                     split i -> io ii(8)         for io 3
//     y[i] = x[i]                                              for ii 8
//                                limit 8*io + ii < 20            y[8*io + ii] = x[8*io + ii]
//
// The limit, for what does not divide evenly, is met by `mask` (skip or mask the iterations beyond
// it), `peel` (where a tile is unrolled or a vector: full tiles in a loop without tests, then the
// remainder) or `pad` (full tiles throughout: loads beyond it read 0 and stores there are dropped;
// not for an axis that is added up over).
#include <fmt/format.h>

#include <algorithm>

#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

std::vector<Item> replace_loops(const std::vector<Item>& items, Var axis,
                                std::span<const Var> parts) {
  std::vector<Item> result;
  for (const Item& item : items) {
    const Loop* loop = item.loop();
    if (!loop) {
      result.push_back(item);
      continue;
    }
    std::vector<Item> body = replace_loops(loop->body, axis, parts);
    if (loop->axis != axis) {
      result.push_back({Loop{loop->axis, std::move(body)}, item.when});
      continue;
    }
    std::vector<Item> nest = wrap(std::move(body), parts);
    nest.front().when = item.when;
    result.push_back(std::move(nest.front()));
  }
  return result;
}

bool is_added_over(const Kernel& kernel, Var axis) {
  bool found = false;
  visit_stores(kernel.body, [&](const Store& store, const Path&) {
    found = found || contains(store.over, axis);
  });
  return found;
}

std::string node_of(const std::string& axis_name) {
  const std::size_t dot = axis_name.rfind('.');
  return dot == std::string::npos ? "" : axis_name.substr(0, dot + 1);
}

}  // namespace

Moved split(const Kernel& kernel, const Split& move) {
  const auto axis = kernel.find_axis(move.axis);
  if (!axis) return Refusal{fmt::format("no axis {}", move.axis)};
  const std::int64_t extent = kernel.axes[*axis].extent;
  if (extent == 0) return Refusal{fmt::format("{} has no iterations", move.axis)};
  if (move.tail == Tail::pad && is_added_over(kernel, *axis))
    return Refusal{fmt::format("{} is added up over, so its tail must be mask or peel", move.axis)};

  Kernel result = kernel;
  const std::string prefix = node_of(kernel.axes[*axis].name);
  result.axes[*axis].name.clear();
  std::int64_t inner = 1;
  for (const Part& part : move.parts)
    if (part.extent) inner *= part.extent;
  std::vector<Var> parts;
  Index whole;
  std::int64_t span = inner;
  for (const Part& part : move.parts) {
    const std::string name = prefix + part.name;
    if (const auto clash = result.find_axis(name); clash && result.axes[*clash].name == name)
      return Refusal{fmt::format("there is an axis {} already", name)};
    if (part.extent) span /= part.extent;
    const std::int64_t length = part.extent ? part.extent : (extent + inner - 1) / inner;
    parts.push_back(result.add_axis(name, length));
    whole = whole + Index::var(parts.back()) * span;
  }
  result.body = replace_loops(result.body, *axis, parts);
  result.body = map_stores(result.body, [&](const Item& item, const Store& store) {
    Store copy = store;
    if (auto place = std::ranges::find(copy.over, *axis); place != copy.over.end()) {
      place = copy.over.erase(place);
      copy.over.insert(place, parts.begin(), parts.end());
    }
    return Item{std::move(copy), item.when};
  });
  for (KernelTensor& tensor : result.tensors)
    if (tensor.scope == *axis) tensor.scope = parts.back();
  substitute(result, *axis, whole);
  if (extent % inner != 0) result.limits.push_back({whole, extent, move.tail});
  return result;
}

}  // namespace tenon
