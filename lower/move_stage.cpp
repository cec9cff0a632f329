// stage: copies the part of a tensor that the loops below touch, its tile, to a local. Halide:
// store_at/compute_at with in(); TVM: cache_read, cache_write; BLIS: packing; convolution: im2col;
// registers: accumulators.
//
//   for i 4                            stage b at i          for i 4
//     for k 8                                                  for b.i.k 8
//       y[i] += b[k,i] * w[k]                                    b.i[b.i.k] = b[b.i.k,i]
//                                                              for k 8
//                                                                y[i] += b.i[k] * w[k]
//
// A tile's axes are the loops below that index the operand, in loop order (or as `layout` says).
// The loops that copy are ordinary ones, named after the tensor; they have the limits of those
// below. `box` keeps the operand's own axes instead, so that an element that several iterations
// share is copied once. Beyond a padding the tile holds the padding's fill, so reads from it need
// no test.
//
// A tensor that the loops store can be staged too. Its tile is copied in, except where its
// accumulations start there, and out:
//
//   for k 8                         stage y at k in register   for k 8
//     for i 4                                                    for y.k.i 4 when k >= 1
//       y[i] += b[k,i] over k                                      y.k[y.k.i] = y[y.k.i]
//                                                                for i 4
//                                                                  y.k[i] += b[k,i] over k
//                                                                for y.k.i 4
//                                                                  y[y.k.i] = y.k[y.k.i]
//
// depth n > 1: what is copied is prefetched n-1 iterations ahead.
//
// `stream`: final results are stored past the caches, and need no tile.
#include <fmt/format.h>

#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {
namespace {

// A larger tile may have at most twice the bytes of the tensor.
constexpr double most_tile_bytes = 1 << 26;

// Where a tensor is staged: the body that gets the tile, inside the kernel that is being rewritten.
struct StageSite {
  Kernel& kernel;
  std::vector<Item>& body;
  const Path outside;  // axes of the loops around the body, the staging loop last
  const int tensor;
  const Var at;  // the staging loop's axis, -1 for root
  const Stage& move;

  // `b.pc`; the loops that copy are named `b.pc.k0`.
  std::string name() const { return move.tensor + "." + stem(move.at); }
  // Is the axis one of a loop around the body, or one of the tile?
  bool knows(Var v, const std::vector<Var>& tile) const {
    return contains(outside, v) || contains(tile, v);
  }
};

// Finds the axes of the tile and the limits that a copy must keep. The axes are those of the loops
// on `path` inside the body that are also in `used`, in the order of the loops or of the move's
// layout. The limits are those that use an axis of the tile.
Reason find_tile(const StageSite& site, const Path& path, const std::vector<Var>& used,
                 std::vector<Var>& tile, std::vector<Limit>& limits) {
  for (Var v : path)
    if (contains(used, v) && !contains(site.outside, v)) tile.push_back(v);
  std::vector<Var> asked;
  for (const std::string& name : site.move.order) {
    const auto axis = site.kernel.find_axis(name);
    if (!axis || !contains(tile, *axis)) return fmt::format("{} is not an axis of the tile", name);
    asked.push_back(*axis);
  }
  if (!asked.empty() && asked.size() != tile.size())
    return "the layout must name every axis of the tile";
  if (!asked.empty()) tile = asked;
  for (const Limit& limit : site.kernel.limits) {
    if (!limit.index.uses_any(tile)) continue;
    const auto index = index_at_start(limit.index, [&](Var v) { return site.knows(v, tile); });
    if (!index) return "a limit of its loops has a quotient or a remainder";
    limits.push_back({*index, limit.bound, limit.tail});
  }
  return {};
}

std::vector<Range> ranges_of(const std::vector<Limit>& limits) {
  return mapped(limits, [](const Limit& limit) { return Range{limit.index, 0, limit.bound}; });
}

// Makes the axes of the loops that copy, one for each axis of the tile, named after the stage.
std::vector<Var> copy_axes(StageSite& site, const std::vector<Var>& tile) {
  return mapped(tile, [&](Var v) {
    const std::string name = stem(site.kernel.axes[v].name);
    return site.kernel.add_axis(site.name() + "." + name, site.kernel.extent(v));
  });
}

// Adds the local that holds the tile, as the last of the kernel's tensors.
Reason add_tile(StageSite& site, const std::vector<Var>& axes) {
  Kernel& kernel = site.kernel;
  const KernelTensor& staged = kernel.tensors[site.tensor];
  KernelTensor local{site.name(), staged.type, {}, site.move.where};
  double bytes = info(staged.type).bytes;
  for (Var axis : axes) {
    local.extents.push_back(kernel.extent(axis));
    bytes *= static_cast<double>(kernel.extent(axis));
  }
  const double held = static_cast<double>(staged.elements()) * info(staged.type).bytes;
  if (bytes > std::max(most_tile_bytes, 2 * held))
    return fmt::format("the tile would take {:.0f} MB, and the tensor has {:.0f} MB", bytes / 1e6,
                       held / 1e6);
  local.scope = site.at;
  kernel.add_tensor(std::move(local));
  return {};
}

// ---- operands, which the loops below read ----

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

// Restricts the copy to elements that exist, where the known ranges do not. A tile may have
// elements that the loops below never read.
void keep_inside(const StageSite& site, Load& source, std::vector<Range> known = {}) {
  const std::vector<std::int64_t>& extents = site.kernel.tensors[site.tensor].extents;
  std::erase_if(source.inside,
                [&](const Range& range) { return always(range, site.kernel.bounds(), known); });
  append(known, source.inside);
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (static_cast<int>(d) == source.computed_axis) continue;
    const Bounds values = bounds(source.at[d], site.kernel.bounds(), known);
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
  std::vector<Limit> limits;
  if (auto reason = find_tile(site, use.way.path, used, old_axes, limits)) return reason;
  tile.axes = copy_axes(site, old_axes);
  const IndexMap rename = renaming(site.kernel, old_axes, tile.axes);
  // A vector that begins within a limit is copied whole. Lanes beyond the limit get zeros, because
  // arithmetic on what memory happens to hold there may be slow.
  std::vector<Var> lanes = old_axes;
  std::erase_if(lanes, [&](Var v) { return site.kernel.axes[v].tag != Tag::vector; });
  const std::vector<Index> zeros(lanes.size());
  const IndexMap first_lane = replacing(site.kernel, lanes, zeros);
  Load source = *use.load;
  for (Limit& limit : limits) {
    if (limit.index.uses_any(lanes)) source.inside.push_back({limit.index, 0, limit.bound});
    limit.index = rename(first_lane(limit.index));
  }
  append(site.kernel.limits, limits);
  tile.source = std::get<Load>(map_indices(make_value(source, type), rename)->detail);
  keep_inside(site, tile.source, ranges_of(limits));
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

// ---- results, which the loops below store ----

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
  const auto is_known = [&](Var v) { return site.knows(v, tile); };
  for (const Use& use : uses) {
    if (!use.writes) continue;
    std::vector<Range> own;
    for (const Range& range : use.way.when)
      if (std::ranges::all_of(range.index.vars(), is_known))
        own.push_back(range);
      else if (range.high != range.low + 1)
        return "it is stored in some iterations only";
    if (&use == &uses.front())
      when = own;
    else if (!when.empty() && own != when)
      return own.empty() ? "it is stored in part before it is stored whole"
                         : "its parts are stored under different conditions";
  }
  return {};
}

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
  std::vector<Range> when;
  std::vector<Limit> limits;
  if (auto reason = find_tile(site, first.way.path, used, tile, limits)) return reason;
  if (auto reason = conditions(site, uses, tile, when)) return reason;
  if (auto reason = add_tile(site, tile)) return reason;
  const int staged = static_cast<int>(kernel.tensors.size()) - 1;
  append(when, ranges_of(limits));

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
  Index iteration;  // of the loops in `earlier` as one number, 0 in the first iteration of all
  for (Var v : earlier) iteration = iteration * kernel.extent(v) + Index::var(v);
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

}  // namespace

Reason rewrite(Kernel& kernel, const Stage& move) {
  const auto tensor = kernel.find_tensor(move.tensor);
  if (!tensor) return fmt::format("no tensor {}", move.tensor);
  const auto axis = move.at == "root" ? Var{-1} : kernel.find_axis(move.at);
  if (!axis) return fmt::format("no axis {}", move.at);
  std::vector<Item>* found = nullptr;
  Path outside;
  change_bodies(kernel.body, [&](std::vector<Item>& body, const Path& path) {
    const bool is_at = path.empty() ? *axis < 0 : path.back() == *axis;
    if (found || !is_at || !uses_tensor(body, *tensor)) return;
    found = &body;
    outside = path;
  });
  if (!found) return fmt::format("nothing at {} uses {}", move.at, move.tensor);
  StageSite site{kernel, *found, outside, *tensor, *axis, move};
  return stores_to(*found, *tensor) ? stage_result(site) : stage_operand(site);
}

}  // namespace tenon
