// stage, for a tensor that the loops below read.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/stage.h"

namespace tenon {
namespace {

constexpr std::int64_t line_bytes = 64;

// How a tile is addressed and filled.
struct Tile {
  std::vector<Var> axes;      // new axes of the copying loops, in the tile's order
  std::vector<Index> source;  // the operand's subscripts over them
  std::vector<Range> inside;
  double fill = 0;
};

std::int64_t extent_of(const Kernel& kernel, Var v) { return kernel.axes[v].extent; }

bool same_access(const Load& a, const Load& b) {
  return a.at == b.at && a.inside == b.inside && a.computed_axis == b.computed_axis &&
         a.computed == b.computed;
}

// One load that stands for all in the body, and the loops on the way to it.
struct Access {
  Load load;
  Path path;
};
std::vector<Access> accesses(const StageSite& site) {
  std::vector<Access> found;
  visit_stores(site.body, [&](const Store& store, const Path& path) {
    visit_loads(store, [&](const Load& load) {
      if (load.tensor != site.tensor) return;
      const bool known = std::ranges::any_of(
          found, [&](const Access& access) { return same_access(access.load, load); });
      if (!known) found.push_back({load, path});
    });
  });
  return found;
}

void collect_all(const Load& load, std::vector<Var>& vars) {
  for (const Index& index : load.at) index.collect(vars);
  for (const Range& range : load.inside) range.index.collect(vars);
  if (load.computed)
    map_indices(load.computed, [&](const Index& index) {
      index.collect(vars);
      return index;
    });
}

IndexMap renaming(const Kernel& kernel, const std::vector<Var>& from, const std::vector<Var>& to) {
  return [bounds = kernel.bounds(), from, to](const Index& index) {
    return substitute(
        index,
        [&](Var v) {
          const auto place = std::ranges::find(from, v);
          return Index::var(place == from.end() ? v : to[place - from.begin()]);
        },
        bounds);
  };
}

ValueRef make_load(Load load, Type type) {
  return std::make_shared<Value>(Value{std::move(load), type});
}

// The tile over the loops that index the operand. `old_axes` are those loops, in the tile's order.
std::optional<std::string> expand_tile(StageSite& site, const Access& access, Tile& tile,
                                       std::vector<Var>& old_axes, ValueRef& computed) {
  std::vector<Var> used;
  collect_all(access.load, used);
  for (Var v : access.path)
    if (contains(used, v)) old_axes.push_back(v);
  if (!site.move.order.empty()) {
    std::vector<Var> asked;
    for (const std::string& name : site.move.order) {
      const auto axis = site.kernel.find_axis(name);
      if (!axis || !contains(old_axes, *axis))
        return fmt::format("{} is not an axis of the tile", name);
      asked.push_back(*axis);
    }
    if (asked.size() != old_axes.size()) return "the layout must name every axis of the tile";
    old_axes = asked;
  }
  const std::vector<Range> limits = limits_as_ranges(site, old_axes);
  const std::string prefix = stage_name(site) + ".";
  for (Var v : old_axes)
    tile.axes.push_back(site.kernel.add_axis(prefix + short_name(site.kernel.axes[v].name),
                                             extent_of(site.kernel, v)));
  const IndexMap rename = renaming(site.kernel, old_axes, tile.axes);
  for (const Index& index : access.load.at) tile.source.push_back(rename(index));
  tile.inside = map_indices(access.load.inside, rename);
  for (const Range& limit : map_indices(limits, rename))
    if (!always(limit, site.kernel.bounds())) tile.inside.push_back(limit);
  tile.fill = access.load.fill;
  if (access.load.computed)
    computed = map_loads(map_indices(access.load.computed, rename), [&](const Load& load) {
      Load guarded = load;
      guarded.inside.insert(guarded.inside.end(), tile.inside.begin(), tile.inside.end());
      return make_load(std::move(guarded), site.kernel.tensors[load.tensor].type);
    });
  return {};
}

// An index apart: what stands still while the loops of the body run, and what moves.
struct Parts {
  Index still, moving;
};
std::optional<Parts> take_apart(const Index& index, const Path& outside) {
  Parts parts{Index(0), Index(index.constant())};
  for (const Index::Term& term : index.terms()) {
    if (term.kind != Index::Kind::var) return {};
    const bool is_outside = contains(outside, term.var);
    Index& part = is_outside ? parts.still : parts.moving;
    part = part + Index::var(term.var) * term.coefficient;
  }
  return parts;
}

// The tile in the operand's own axes: for every axis the range that the loops below reach. `low` is
// where each begins, relative to the part that stands still. Axes of one element are not kept.
std::optional<std::string> box_tile(StageSite& site, const std::vector<Access>& all, Tile& tile,
                                    std::vector<Parts>& base, std::vector<bool>& is_kept) {
  const VarBounds bounds_of = site.kernel.bounds();
  const KernelTensor operand = site.kernel.tensors[site.tensor];
  for (std::size_t d = 0; d < operand.extents.size(); ++d) {
    std::optional<Bounds> reach;
    Index still;
    for (const Access& access : all) {
      if (access.load.computed) return "box: its subscripts are computed; leave box out";
      const auto parts = take_apart(access.load.at[d], site.outside);
      if (!parts) return "box: a subscript divides; leave box out";
      if (reach && !(parts->still == still)) return "box: it is read at places that move apart";
      const Bounds here = bounds(parts->moving, bounds_of);
      still = parts->still;
      reach =
          reach ? Bounds{std::min(reach->low, here.low), std::max(reach->high, here.high)} : here;
    }
    base.push_back({still, Index(reach->low)});
    tile.source.push_back(still + Index(reach->low));
    is_kept.push_back(reach->high > reach->low);
    if (is_kept.back()) {
      tile.axes.push_back(site.kernel.add_axis(fmt::format("{}.{}", stage_name(site), d),
                                               reach->high - reach->low + 1));
      tile.source.back() = tile.source.back() + Index::var(tile.axes.back());
    }
    const Range whole{tile.source.back(), 0, operand.extents[d]};
    if (!always(whole, site.kernel.bounds())) tile.inside.push_back(whole);
    // Padding can be told from the operand's own subscript only where it is a range of that.
    for (const Access& access : all)
      for (const Range& range : access.load.inside) {
        const Index distance = range.index - access.load.at[d];
        if (!distance.is_constant()) continue;
        const Range moved{tile.source.back() + distance, range.low, range.high};
        const bool implied = range.low - distance.constant() <= 0 &&
                             range.high - distance.constant() >= operand.extents[d];
        if (!implied && !contains(tile.inside, moved)) tile.inside.push_back(moved);
      }
  }
  for (const Access& access : all)
    for (const Range& range : access.load.inside)
      if (std::ranges::none_of(access.load.at,
                               [&](const Index& at) { return (range.index - at).is_constant(); }))
        return "box: its padding is not a range of its own subscripts; leave box out";
  tile.fill = all.front().load.fill;
  return {};
}

// Loops that ask for the tile one iteration ahead, a request a cache line.
std::vector<Item> prefetch_next(StageSite& site, const Tile& tile) {
  Kernel& kernel = site.kernel;
  const KernelTensor& operand = kernel.tensors[site.tensor];
  const std::int64_t per_line = line_bytes / info(operand.type).bytes;
  std::vector<Var> axes;
  std::vector<Index> at = tile.source;
  for (Var axis : tile.axes) {
    const bool is_unit = !at.empty() && at.back().coefficient(axis) == 1;
    const std::int64_t extent = extent_of(kernel, axis);
    const std::int64_t step = is_unit ? std::min(per_line, extent) : 1;
    const std::string name = kernel.axes[axis].name + ".next";
    const std::int64_t steps = (extent + step - 1) / step;
    if (steps > 1) axes.push_back(kernel.add_axis(name, steps));
    const Index place = steps > 1 ? Index::var(axes.back()) * step : Index(0);
    const VarBounds bounds = kernel.bounds();
    for (Index& index : at)
      index = substitute(index, [&](Var v) { return v == axis ? place : Index::var(v); }, bounds);
  }
  const VarBounds bounds = kernel.bounds();
  for (Index& index : at)
    index = substitute(
        index, [&](Var v) { return v == site.at ? Index::var(v) + Index(1) : Index::var(v); },
        bounds);
  std::vector<Item> loops = wrap({{Prefetch{site.tensor, at}, {}}}, axes);
  loops.front().when.push_back({Index::var(site.at), 0, extent_of(kernel, site.at) - 1});
  return loops;
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
    item.when.push_back({Index::var(at), 0, extent_of(kernel, at) - (depth - 1)});
  // The first tiles, before the loop: as its first iterations' when-parts, so that the loop stays
  // whole.
  const Var first = kernel.add_axis(stage_name(site) + ".first",
                                    std::min<std::int64_t>(depth - 1, extent_of(kernel, at)));
  std::vector<Item> prologue = wrap(shifted(Index::var(first)), std::vector<Var>{first});
  for (Item& item : prologue) item.when.push_back({Index::var(at), 0, 1});
  copy = std::move(prologue);
  copy.insert(copy.end(), ahead.begin(), ahead.end());
}

}  // namespace

std::optional<std::string> stage_operand(StageSite& site) {
  const std::vector<Access> all = accesses(site);
  if (all.empty()) return fmt::format("nothing there reads {}", site.move.tensor);
  if (site.move.where == Where::stream) return "only what is stored can be streamed";
  if (site.move.depth > 1 && site.at < 0) return "a ring needs a loop";
  Tile tile;
  std::vector<Var> old_axes;
  std::vector<Parts> base;
  std::vector<bool> is_kept;
  ValueRef computed;
  if (site.move.layout == Layout::box) {
    if (auto reason = box_tile(site, all, tile, base, is_kept)) return reason;
  } else {
    if (all.size() > 1) return "it is read at several places there; use box";
    if (auto reason = expand_tile(site, all.front(), tile, old_axes, computed)) return reason;
  }

  Kernel& kernel = site.kernel;
  const Type type = kernel.tensors[site.tensor].type;
  KernelTensor local{kernel.unused_name(stage_name(site)), type, {}, site.move.where};
  for (Var axis : tile.axes) local.extents.push_back(extent_of(kernel, axis));
  local.fixed = site.move.where != Where::heap;
  local.scope = site.at;
  kernel.tensors.push_back(local);
  const int staged = static_cast<int>(kernel.tensors.size()) - 1;

  Store copy{};
  copy.tensor = staged;
  for (Var axis : tile.axes) copy.at.push_back(Index::var(axis));
  copy.value = make_load(
      {site.tensor, tile.source, tile.inside, tile.fill, all.front().load.computed_axis, computed},
      type);
  std::vector<Item> copies = wrap({{copy, {}}}, tile.axes);
  const bool is_ring = site.move.depth > 1 && site.move.where == Where::shared;
  const std::vector<Item> next =
      site.move.depth > 1 && !is_ring ? prefetch_next(site, tile) : std::vector<Item>{};
  if (is_ring) make_ring(site, staged, copies);

  const auto read_tile = [&](const Load& load) -> ValueRef {
    if (load.tensor != site.tensor) return nullptr;
    Load from{staged, {}, {}, 0, -1, nullptr};
    if (is_ring) from.at.push_back(mod(Index::var(site.at), site.move.depth, kernel.bounds()));
    for (Var v : old_axes) from.at.push_back(Index::var(v));
    for (std::size_t d = 0; d < base.size(); ++d)
      if (is_kept[d]) from.at.push_back(load.at[d] - base[d].still - base[d].moving);
    return make_load(std::move(from), type);
  };
  site.body = map_stores(site.body, [&](const Item& item, const Store& store) {
    Store changed = store;
    changed.value = map_loads(store.value, read_tile);
    changed.factor = store.factor ? map_loads(store.factor, read_tile) : nullptr;
    changed.computed = store.computed ? map_loads(store.computed, read_tile) : nullptr;
    return Item{std::move(changed), item.when};
  });
  // In front of the first item that reads the tile.
  auto first =
      std::ranges::find_if(site.body, [&](const Item& item) { return loads_from({item}, staged); });
  copies.insert(copies.end(), next.begin(), next.end());
  site.body.insert(first, copies.begin(), copies.end());
  return {};
}

}  // namespace tenon
