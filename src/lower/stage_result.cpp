// stage, for a tensor that the loops below store.
#include <fmt/format.h>

#include <algorithm>

#include "lower/stage.h"

#include "core/ranges.h"

namespace tenon {
namespace {

std::int64_t extent_of(const Kernel& kernel, Var v) { return kernel.axes[v].extent; }

// The position of the loops in `over` as one number, 0 in the first iteration of all.
Index iteration(const Kernel& kernel, const std::vector<Var>& over) {
  Index index;
  for (Var v : over) index = index * extent_of(kernel, v) + Index::var(v);
  return index;
}

// The axes of the loops that copy, in and out, named after the stage.
std::vector<Var> copy_axes(StageSite& site, const std::vector<Var>& tile) {
  std::vector<Var> axes;
  for (Var v : tile)
    axes.push_back(site.kernel.add_axis(
        stage_name(site) + "." + short_name(site.kernel.axes[v].name), extent_of(site.kernel, v)));
  return axes;
}

// A copy between the tile and the tensor at `at`, in loops over `axes`, which stand for the tile's.
Item copy_loops(StageSite& site, const std::vector<Var>& tile, const std::vector<Var>& axes,
                const std::vector<Index>& at, int staged, bool is_out) {
  Kernel& kernel = site.kernel;
  const Type type = kernel.tensors[staged].type;
  const VarBounds bounds = kernel.bounds();
  const IndexMap rename = [&](const Index& index) {
    return substitute(
        index,
        [&](Var v) {
          const auto place = std::ranges::find(tile, v);
          return Index::var(place == tile.end() ? v : axes[place - tile.begin()]);
        },
        bounds);
  };
  std::vector<Index> outer, inner;
  for (const Index& index : at) outer.push_back(rename(index));
  for (Var axis : axes) inner.push_back(Index::var(axis));
  std::vector<Range> inside = map_indices(limits_as_ranges(site, tile), rename);
  std::erase_if(inside, [&](const Range& range) { return always(range, bounds); });

  Store copy{};
  copy.tensor = is_out ? site.tensor : staged;
  copy.at = is_out ? outer : inner;
  Load from{is_out ? staged : site.tensor, is_out ? inner : outer, {}, 0, -1, nullptr};
  if (!is_out) from.inside = inside;
  copy.value = std::make_shared<Value>(Value{std::move(from), type});
  Item statement{std::move(copy), is_out ? inside : std::vector<Range>{}};
  return wrap({std::move(statement)}, axes).front();
}

// Stores that are final need no tile to be written past the caches.
std::optional<std::string> stream(StageSite& site, const KernelTensor& target) {
  if (!target.is_output) return "only an output can be streamed";
  for (const Use& use : uses_of(site.body, site.tensor))
    if (use.load || use.store->combine)
      return fmt::format("{} is read again there: stage it in registers first", target.name);
  site.body = map_stores(site.body, [&](const Item& item, const Store& store) {
    Store changed = store;
    changed.stream = changed.stream || store.tensor == site.tensor;
    return Item{std::move(changed), item.when};
  });
  return {};
}

}  // namespace

std::optional<std::string> stage_result(StageSite& site) {
  Kernel& kernel = site.kernel;
  const KernelTensor target = kernel.tensors[site.tensor];
  if (site.move.layout == Layout::box) return "box is for operands";
  if (site.move.depth > 1) return "depth is for operands";
  if (site.move.where == Where::stream) return stream(site, target);
  const std::vector<Use> uses = uses_of(site.body, site.tensor);
  std::vector<Index> at;
  Path path;
  std::vector<Var> earlier;  // accumulated over, in loops around the tile
  bool is_stored_whole = false;
  for (const Use& use : uses) {
    if (use.load) continue;
    if (use.store->computed_axis >= 0) return "it is stored at computed places";
    at = use.at;
    path = use.path;
    if (!use.store->combine) is_stored_whole = true;
    for (Var v : use.store->over)
      if (contains(site.outside, v) && !contains(earlier, v)) earlier.push_back(v);
  }
  for (const Use& use : uses)
    if (!(use.at == at)) return fmt::format("{} is used at different places there", target.name);

  std::vector<Var> used, tile;
  for (const Index& index : at) index.collect(used);
  for (Var v : path)
    if (contains(used, v)) tile.push_back(v);
  if (!site.move.order.empty()) {
    std::vector<Var> asked;
    for (const std::string& name : site.move.order) {
      const auto axis = kernel.find_axis(name);
      if (!axis || !contains(tile, *axis))
        return fmt::format("{} is not an axis of the tile", name);
      asked.push_back(*axis);
    }
    if (asked.size() != tile.size()) return "the layout must name every axis of the tile";
    tile = asked;
  }

  KernelTensor local{kernel.unused_name(stage_name(site)), target.type, {}, site.move.where};
  for (Var v : tile) local.extents.push_back(extent_of(kernel, v));
  local.fixed = site.move.where != Where::heap;
  local.scope = site.at;
  kernel.tensors.push_back(local);
  const int staged = static_cast<int>(kernel.tensors.size()) - 1;

  std::vector<Index> inner;
  for (Var v : tile) inner.push_back(Index::var(v));
  const auto read_tile = [&](const Load& load) -> ValueRef {
    if (load.tensor != site.tensor) return nullptr;
    return std::make_shared<Value>(Value{Load{staged, inner, {}, 0, -1, nullptr}, target.type});
  };
  site.body = map_stores(site.body, [&](const Item& item, const Store& store) {
    Store changed = store;
    if (store.tensor == site.tensor) {
      changed.tensor = staged;
      changed.at = inner;
    }
    changed.value = map_loads(store.value, read_tile);
    changed.factor = store.factor ? map_loads(store.factor, read_tile) : nullptr;
    return Item{std::move(changed), item.when};
  });

  const std::vector<Var> axes = copy_axes(site, tile);
  std::int64_t iterations = 1;
  for (Var v : earlier) iterations *= extent_of(kernel, v);
  if (iterations > 1 && !is_stored_whole) {
    Item in = copy_loops(site, tile, axes, at, staged, false);
    in.when.push_back({iteration(kernel, earlier), 1, iterations});
    site.body.insert(site.body.begin(), std::move(in));
  }
  site.body.push_back(copy_loops(site, tile, axes, at, staged, true));
  return {};
}

}  // namespace tenon
