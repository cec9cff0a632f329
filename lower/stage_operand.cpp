// stage, for a tensor that the loops below read.
#include <fmt/format.h>

#include <functional>

#include "core/ranges.h"
#include "lower/stage.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// How a tile is filled, and what a load of the operand reads instead.
struct Tile {
  std::vector<Var> axes;  // of the loops that copy, in the tile's order
  Load source;            // what is copied, over these axes
  std::function<Load(const Load&)> read;
};

bool is_same(const Load& a, const Load& b) {
  const Access &element = a, &other = b;
  return element == other && a.inside == b.inside && same_bits(a.fill, b.fill);
}

// Restricts the copy to elements that exist. A tile may have elements that the loops below never
// read.
void keep_inside(const StageSite& site, Load& source) {
  const std::vector<std::int64_t>& extents = site.kernel.tensors[site.tensor].extents;
  std::erase_if(source.inside,
                [&](const Range& range) { return always(range, site.kernel.bounds()); });
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (static_cast<int>(d) == source.computed_axis) continue;
    const Bounds values = bounds(source.at[d], site.kernel.bounds(), source.inside);
    if (values.low < 0 || values.high >= extents[d])
      source.inside.push_back({source.at[d], 0, extents[d]});
  }
}

// The tile over the loops that index the operand.
Reason expand_tile(StageSite& site, const Use& use, Tile& tile) {
  const Type type = site.kernel.tensors[site.tensor].type;
  std::vector<Var> used, old_axes;
  visit_values(make_value(*use.load, type), [&](const Value& v) {
    for_each_index(v, [&](const Index& index) { index.collect(used); });
  });
  std::vector<Range> limits;
  if (auto reason = find_tile(site, use.way.path, used, old_axes, limits)) return reason;
  tile.axes = copy_axes(site, old_axes);
  Load source = *use.load;
  append(source.inside, limits);
  const IndexMap rename = renaming(site.kernel, old_axes, tile.axes);
  tile.source = std::get<Load>(map_indices(make_value(source, type), rename)->detail);
  keep_inside(site, tile.source);
  // Computed subscripts are loaded only inside the limits.
  Reason reason;
  tile.source.computed = map_values(tile.source.computed, [&](Value& value) {
    auto* load = std::get_if<Load>(&value.detail);
    if (!load) return false;
    if (stores_to(site.body, load->tensor))
      reason = "its subscripts are read from what is computed there";
    append(load->inside, tile.source.inside);
    return true;
  });
  tile.read = [old_axes](const Load&) { return Load{{-1, mapped(old_axes, Index::var)}}; };
  return reason;
}

// Does the range say no more than that the load stays within the operand?
bool is_end(const Load& load, const Range& range, const KernelTensor& operand) {
  for (std::size_t d = 0; d < load.at.size(); ++d) {
    const Index distance = range.index - load.at[d];
    if (distance.is_constant() && range.low == distance.constant() &&
        range.high == distance.constant() + operand.extents[d])
      return true;
  }
  return false;
}

// What a box holds beyond the operand: the fill of the loads that may reach there, if all have the
// same fill, else 0.
double fill_of_box(const std::vector<Use>& all) {
  std::optional<double> fill;
  for (const Use& use : all) {
    if (use.load->inside.empty()) continue;
    if (fill && !same_bits(*fill, use.load->fill)) return 0;
    fill = use.load->fill;
  }
  return fill.value_or(0);
}

// The tile in the operand's own axes: for every axis the range that the loops below reach. Axes of
// one element are not kept. Beyond the operand lies the fill, so that a load which has that fill
// needs no test.
Reason box_tile(StageSite& site, const std::vector<Use>& all, Tile& tile) {
  const KernelTensor operand = site.kernel.tensors[site.tensor];
  if (!std::ranges::all_of(all, [](const Use& use) { return use.access.computed_axis < 0; }))
    return "box: its subscripts are computed; leave box out";
  tile.source.tensor = site.tensor;
  tile.source.fill = fill_of_box(all);
  std::vector<Reach> reaches;
  for (std::size_t d = 0; d < operand.extents.size(); ++d) {
    const auto here = reach(site.kernel, subscripts(all, d), site.outside);
    if (!here) return "box: a subscript divides, or what is read moves apart; leave box out";
    reaches.push_back(*here);
    tile.source.at.push_back(here->begin);
    if (here->extent <= 1) continue;
    tile.axes.push_back(site.kernel.add_axis(fmt::format("{}.{}", site.name(), d), here->extent));
    tile.source.at.back() = here->begin + Index::var(tile.axes.back());
  }
  keep_inside(site, tile.source);
  tile.read = [operand, reaches, fill = tile.source.fill](const Load& load) {
    Load from{{-1, {}}, load.inside, load.fill};
    if (same_bits(load.fill, fill))
      std::erase_if(from.inside, [&](const Range& range) { return is_end(load, range, operand); });
    for (std::size_t d = 0; d < reaches.size(); ++d)
      if (reaches[d].extent > 1) from.at.push_back(load.at[d] - reaches[d].begin);
    return from;
  };
  return {};
}

// Prefetches what will be copied some tiles later. Beyond the last tile that is whatever follows in
// memory, such as the next row.
Prefetch ahead(const StageSite& site, const Load& source) {
  const Index later = Index::var(site.at) + (site.move.depth - 1);
  return {{site.tensor, mapped(source.at, replacing(site.kernel, {site.at}, {later}))}};
}

}  // namespace

Reason stage_operand(StageSite& site) {
  const Uses uses(site.body);
  const std::vector<Use>& all = uses.of(site.tensor);
  const auto is_first = [&](const Use& use) { return is_same(*use.load, *all.front().load); };
  if (!std::ranges::all_of(all, &Use::load))
    return "its strands are folded there, which needs the tensor itself";
  if (site.move.stream) return "only what is stored can be streamed";
  if (site.move.depth > 1 && site.at < 0) return "depth needs a loop";
  if (site.move.depth > 1 && site.kernel.tensors[site.tensor].where != Where::argument)
    return "only what lies in the caller's memory is prefetched";
  if (site.move.layout == Layout::expand && !std::ranges::all_of(all, is_first))
    return "it is read at several places there; use box";
  Tile tile;
  if (auto reason = site.move.layout == Layout::box ? box_tile(site, all, tile)
                                                    : expand_tile(site, all.front(), tile))
    return reason;
  if (auto too_large = add_tile(site, tile.axes)) return too_large;

  Kernel& kernel = site.kernel;
  const int staged = static_cast<int>(kernel.tensors.size()) - 1;
  const ValueRef source = make_value(tile.source, kernel.tensors[staged].type);
  std::vector<Item> copied{{Store{{staged, mapped(tile.axes, Index::var)}, source}}};
  if (site.move.depth > 1) copied.push_back({ahead(site, tile.source)});
  const std::vector<Item> copies = wrap(std::move(copied), tile.axes);

  const auto read_tile = [&](Value& value) {
    auto* load = std::get_if<Load>(&value.detail);
    if (!load || load->tensor != site.tensor) return false;
    *load = tile.read(*load);
    load->tensor = staged;
    return true;
  };
  change_stores(site.body, [&](Store& store) { replace_values(store, read_tile); });
  // The copies go in front of the first item that reads the tile.
  const auto reads_it = [&](const Item& item) { return uses_tensor(only(item), staged); };
  site.body.insert(std::ranges::find_if(site.body, reads_it), copies.begin(), copies.end());
  return {};
}

}  // namespace tenon
