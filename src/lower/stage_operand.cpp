// stage, for a tensor that the loops below read.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "core/ranges.h"
#include "lower/stage.h"

namespace tenon {
namespace {

// How a tile is filled, and what a load of the operand reads instead.
struct Tile {
  std::vector<Var> axes;  // of the loops that copy, in the tile's order
  Load source;            // over them
  std::function<Load(const Load&)> read;
};

// A load, and the loops on the way to it.
struct Access {
  Load load;
  Path path;
};

// Those of the operand in the body; of equal ones the first.
std::vector<Access> accesses(const StageSite& site) {
  std::vector<Access> found;
  visit_stores(site.body, [&](const Store& store, const Path& path) {
    visit_loads(store, [&](const Load& load) {
      if (load.tensor != site.tensor) return;
      const bool known = std::ranges::any_of(found, [&](const Access& access) {
        return access.load.at == load.at && access.load.inside == load.inside &&
               std::bit_cast<std::uint64_t>(access.load.fill) ==
                   std::bit_cast<std::uint64_t>(load.fill) &&
               access.load.computed_axis == load.computed_axis &&
               access.load.computed == load.computed;
      });
      if (!known) found.push_back({load, path});
    });
  });
  return found;
}

// What is copied lies in the operand, also where the loops below never read it.
void keep_inside(const StageSite& site, Load& source) {
  const std::vector<std::int64_t>& extents = site.kernel.tensors[site.tensor].extents;
  std::erase_if(source.inside,
                [&](const Range& range) { return always(range, site.kernel.bounds()); });
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (static_cast<int>(d) == source.computed_axis) continue;
    const Bounds reach = bounds(source.at[d], site.kernel.bounds(), source.inside);
    if (reach.low < 0 || reach.high >= extents[d])
      source.inside.push_back({source.at[d], 0, extents[d]});
  }
}

// The tile over the loops that index the operand.
Reason expand_tile(StageSite& site, const Access& access, Tile& tile) {
  std::vector<Var> used, old_axes;
  const IndexMap collect = [&](const Index& index) {
    index.collect(used);
    return index;
  };
  map_indices(make_value(access.load, Type::f32), collect);
  std::vector<Range> limits;
  if (auto reason = find_tile(site, access.path, used, old_axes)) return reason;
  if (auto reason = limits_as_ranges(site, old_axes, limits)) return reason;
  tile.axes = copy_axes(site, old_axes);
  const IndexMap rename = renaming(site.kernel, old_axes, tile.axes);
  tile.source = access.load;
  tile.source.at = map_indices(tile.source.at, rename);
  append(tile.source.inside, limits);
  tile.source.inside = map_indices(tile.source.inside, rename);
  keep_inside(site, tile.source);
  // Its subscripts are computed inside the limits alone.
  tile.source.computed =
      map_loads(map_indices(access.load.computed, rename), [&](const Load& load, Type type) {
        Load guarded = load;
        append(guarded.inside, tile.source.inside);
        return make_value(std::move(guarded), type);
      });
  tile.read = [old_axes](const Load&) { return Load{-1, mapped(old_axes, Index::var)}; };
  return {};
}

// Is a load 0 where the range does not hold, and so beyond the operand's end?
bool is_end(const Load& load, const Range& range, const KernelTensor& operand) {
  for (std::size_t d = 0; d < load.at.size(); ++d) {
    const Index distance = range.index - load.at[d];
    if (load.fill == 0 && distance.is_constant() && range.low == distance.constant() &&
        range.high == distance.constant() + operand.extents[d])
      return true;
  }
  return false;
}

// The tile in the operand's own axes: for every axis the range that the loops below reach. Axes of
// one element are not kept; beyond the operand there are zeros.
Reason box_tile(StageSite& site, const std::vector<Access>& all, Tile& tile) {
  const KernelTensor operand = site.kernel.tensors[site.tensor];
  std::vector<Index> begin(operand.extents.size());
  std::vector<bool> is_kept;
  for (std::size_t d = 0; d < operand.extents.size(); ++d) {
    std::optional<Bounds> reach;
    for (const Access& access : all) {
      if (access.load.computed) return "box: its subscripts are computed; leave box out";
      const Parts parts =
          take_apart(access.load.at[d], [&](Var v) { return !contains(site.outside, v); });
      if (parts.is_mixed) return "box: a subscript divides; leave box out";
      if (reach && !(parts.still == begin[d])) return "box: it is read at places that move apart";
      const Bounds here = bounds(parts.moving, site.kernel.bounds());
      begin[d] = parts.still;
      reach =
          reach ? Bounds{std::min(reach->low, here.low), std::max(reach->high, here.high)} : here;
    }
    begin[d] = begin[d] + Index(reach->low);
    tile.source.at.push_back(begin[d]);
    is_kept.push_back(reach->high > reach->low);
    if (!is_kept.back()) continue;
    tile.axes.push_back(site.kernel.add_axis(fmt::format("{}.{}", stage_name(site), d),
                                             reach->high - reach->low + 1));
    tile.source.at.back() = begin[d] + Index::var(tile.axes.back());
  }
  tile.source.tensor = site.tensor;
  keep_inside(site, tile.source);
  tile.read = [operand, begin, is_kept](const Load& load) {
    Load from{-1, {}, load.inside, load.fill};
    std::erase_if(from.inside, [&](const Range& range) { return is_end(load, range, operand); });
    for (std::size_t d = 0; d < begin.size(); ++d)
      if (is_kept[d]) from.at.push_back(load.at[d] - begin[d]);
    return from;
  };
  return {};
}

// Asks for the line of what is copied, some tiles ahead. Beyond the last tile that is whatever
// follows in memory: the next row, where the tiles make up one.
Prefetch ahead(const StageSite& site, const Load& source) {
  const VarBounds bounds = site.kernel.bounds();
  const auto later = [&](Var v) {
    return v == site.at ? Index::var(v) + Index(site.move.depth - 1) : Index::var(v);
  };
  return {site.tensor, mapped(source.at, [&](const Index& index) {
            return substitute(index, later, bounds);
          })};
}

// The ring: slot (at + ahead) mod depth is filled while slot at mod depth is read.
void make_ring(StageSite& site, int tile_tensor, std::vector<Item>& copy) {
  Kernel& kernel = site.kernel;
  const int depth = site.move.depth;
  KernelTensor& tile = kernel.tensors[tile_tensor];
  tile.extents.insert(tile.extents.begin(), depth);
  tile.depth = depth;
  tile.scope = site.outside.size() > 1 ? site.outside[site.outside.size() - 2] : -1;
  const Var at = site.at;
  const auto shifted = [&](const Index& by) {
    const VarBounds bounds = kernel.bounds();
    return map_stores(copy, [&](const Item& item, const Store& store) {
      Store moved = map_indices(store, [&](const Index& index) {
        return substitute(index, [&](Var v) { return v == at ? by : Index::var(v); }, bounds);
      });
      moved.at.insert(moved.at.begin(), mod(by, depth, bounds));
      moved.async = true;
      return Item{std::move(moved), item.when};
    });
  };
  std::vector<Item> ahead = shifted(Index::var(at) + Index(depth - 1));
  for (Item& item : ahead)
    item.when.push_back({Index::var(at), 0, kernel.extent(at) - (depth - 1)});
  // The first tiles, before the loop: as its first iterations' when-parts, so that the loop stays
  // whole.
  const Var first = kernel.add_axis(stage_name(site) + ".first",
                                    std::min<std::int64_t>(depth - 1, kernel.extent(at)));
  std::vector<Item> prologue = wrap(shifted(Index::var(first)), std::vector<Var>{first});
  for (Item& item : prologue) item.when.push_back({Index::var(at), 0, 1});
  copy = std::move(prologue);
  copy.insert(copy.end(), ahead.begin(), ahead.end());
}

}  // namespace

Reason stage_operand(StageSite& site) {
  const std::vector<Access> all = accesses(site);
  if (all.empty()) return fmt::format("nothing there reads {}", site.move.tensor);
  for (const Use& use : uses_of(site.body, site.tensor))
    if (use.folds) return "its lanes are folded there";
  if (site.move.where == Where::stream) return "only what is stored can be streamed";
  if (site.move.depth > 1 && site.at < 0) return "a ring needs a loop";
  const bool is_ring = site.move.depth > 1 && site.move.where == Where::shared;
  if (site.move.depth > 1 && !is_ring && site.kernel.tensors[site.tensor].where != Where::argument)
    return "only what lies in the caller's memory is prefetched";
  Tile tile;
  if (site.move.layout == Layout::box) {
    if (auto reason = box_tile(site, all, tile)) return reason;
  } else {
    if (all.size() > 1) return "it is read at several places there; use box";
    if (auto reason = expand_tile(site, all.front(), tile)) return reason;
  }
  Reason reason;
  visit_loads(tile.source.computed, [&](const Load& load) {
    if (stores_to(site.body, load.tensor)) reason = "where it is read is computed there";
  });
  if (reason) return reason;
  int staged = -1;
  if (auto too_large = add_tile(site, tile.axes, staged)) return too_large;

  Kernel& kernel = site.kernel;
  Store copy{};
  copy.tensor = staged;
  copy.at = mapped(tile.axes, Index::var);
  copy.value = make_value(tile.source, kernel.tensors[staged].type);
  std::vector<Item> copied{{copy, {}}};
  if (site.move.depth > 1 && !is_ring) copied.push_back({ahead(site, tile.source), {}});
  std::vector<Item> copies = wrap(std::move(copied), tile.axes);
  if (is_ring) make_ring(site, staged, copies);

  site.body = map_loads(site.body, [&](const Load& load, Type type) -> ValueRef {
    if (load.tensor != site.tensor) return nullptr;
    Load from = tile.read(load);
    from.tensor = staged;
    if (is_ring)
      from.at.insert(from.at.begin(), mod(Index::var(site.at), site.move.depth, kernel.bounds()));
    return make_value(std::move(from), type);
  });
  // In front of the first item that reads the tile.
  const auto first =
      std::ranges::find_if(site.body, [&](const Item& item) { return loads_from({item}, staged); });
  site.body.insert(first, copies.begin(), copies.end());
  return {};
}

}  // namespace tenon
