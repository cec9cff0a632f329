// stage, for a tensor that the loops below store.
#include <fmt/format.h>

#include "core/ranges.h"
#include "lower/stage.h"

namespace tenon {
namespace {

// The position of the loops in `over` as one number, 0 in the first iteration of all.
Index iteration_of(const Kernel& kernel, const std::vector<Var>& over) {
  Index index;
  for (Var v : over) index = index * kernel.extent(v) + Index::var(v);
  return index;
}

// Marks the stores as streaming. They must be final: nothing here may read the tensor again.
Reason stream(StageSite& site, const std::vector<Use>& uses) {
  const KernelTensor& target = site.kernel.tensors[site.tensor];
  if (site.move.where != Where::heap || !site.move.order.empty())
    return "what is streamed has no tile, and so neither a place nor a layout";
  if (!target.is_output) return "only an output can be streamed";
  for (const Use& use : uses)
    if (!use.writes || use.store.combine)
      return fmt::format("{} is read again there: stage it in registers first", target.name);
  change_stores(site.body,
                [&](Store& store) { store.stream = store.stream || store.tensor == site.tensor; });
  return {};
}

// The conditions under which an element of the tile is stored at all. A condition that picks one
// iteration of an inner loop is left out, because that iteration runs.
Reason conditions(const StageSite& site, const std::vector<Use>& uses, const std::vector<Var>& tile,
                  std::vector<Range>& when) {
  std::optional<std::vector<Range>> first;
  const auto is_known = [&](Var v) { return site.knows(v, tile); };
  for (const Use& use : uses) {
    if (!use.writes) continue;
    std::vector<Range> own;
    for (const Range& range : use.way.when) {
      if (std::ranges::all_of(range.index.vars(), is_known))
        own.push_back(range);
      else if (range.high != range.low + 1)
        return "it is stored in some iterations only";
    }
    if (first && !first->empty() && own != *first)
      return own.empty() ? "it is stored in part before it is stored whole"
                         : "its parts are stored under different conditions";
    if (!first) first = own;
  }
  when = *first;
  return {};
}

}  // namespace

Reason stage_result(StageSite& site) {
  Kernel& kernel = site.kernel;
  const std::string name = kernel.tensors[site.tensor].name;
  if (site.move.layout == Layout::box) return "box is for operands";
  if (site.move.depth > 1) return "depth is for operands";
  const Uses table(site.body);
  const std::vector<Use>& uses = table.of(site.tensor);
  if (site.move.stream) return stream(site, uses);
  const Use& first = uses.front();
  if (!first.writes) return fmt::format("{} is read there before it is stored", name);
  std::vector<Var> used, tile;
  const std::vector<Index> at = first.access.at;
  for (const Index& index : at) index.collect(used);
  std::vector<Var> earlier;  // axes accumulated over in loops around the tile
  for (const Use& use : uses) {
    if (use.access.computed_axis >= 0) return "it is used at computed places";
    if (use.access.at != at) return fmt::format("{} is used at different places there", name);
    for (Var v : use.store.over)
      if (use.writes && first.store.combine && contains(site.outside, v)) append_once(earlier, v);
  }
  std::vector<Range> when, limits;
  if (auto reason = find_tile(site, first.way.path, used, tile, limits)) return reason;
  if (auto reason = conditions(site, uses, tile, when)) return reason;
  if (auto reason = add_tile(site, tile)) return reason;
  const int staged = static_cast<int>(kernel.tensors.size()) - 1;
  append(when, limits);

  replace_accesses(site.body, site.tensor, [&](Access& access) {
    access.tensor = staged;
    access.at = mapped(tile, Index::var);
  });
  // The loops that copy in and out, under the conditions.
  const std::vector<Var> axes = copy_axes(site, tile);
  const IndexMap rename = renaming(kernel, tile, axes);
  const std::vector<Index> inner = mapped(axes, Index::var), outer = mapped(at, rename);
  when = map_indices(std::move(when), rename);
  std::erase_if(when, [&](const Range& range) { return always(range, kernel.bounds()); });
  const Type type = kernel.tensors[staged].type;
  const Index iteration = iteration_of(kernel, earlier);
  const std::int64_t last = bounds(iteration, kernel.bounds()).high;
  if (last > 0) {
    const ValueRef before = make_value(Load{{site.tensor, outer}, when}, type);
    Item in = wrap({{Store{{staged, inner}, before}}}, axes).front();
    in.when.push_back({iteration, 1, last + 1});
    site.body.insert(site.body.begin(), std::move(in));
  }
  const ValueRef after = make_value(Load{{staged, inner}}, type);
  append(site.body, wrap({{Store{{site.tensor, outer}, after}, when}}, axes));
  return {};
}

}  // namespace tenon
