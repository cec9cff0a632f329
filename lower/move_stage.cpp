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
// The loops that copy are ordinary ones, named after the tensor. `box` keeps the operand's own axes
// instead, so that an element that several iterations share is copied once. Beyond a limit the tile
// holds zeros, and beyond a padding the padding's fill, so reads from it need no test.
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
#include "lower/stage.h"

#include "core/ranges.h"

#include <fmt/format.h>

namespace tenon {
namespace {

// A larger tile may have at most twice the bytes of the tensor.
constexpr double most_tile_bytes = 1 << 26;

}  // namespace

Reason find_tile(const StageSite& site, const Path& path, const std::vector<Var>& used,
                 std::vector<Var>& tile, std::vector<Range>& limits) {
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
    limits.push_back({*index, 0, limit.bound});
  }
  return {};
}

std::vector<Var> copy_axes(StageSite& site, const std::vector<Var>& tile) {
  return mapped(tile, [&](Var v) {
    const std::string name = stem(site.kernel.axes[v].name);
    return site.kernel.add_axis(site.name() + "." + name, site.kernel.extent(v));
  });
}

Reason add_tile(StageSite& site, const std::vector<Var>& axes) {
  Kernel& kernel = site.kernel;
  const KernelTensor& staged = kernel.tensors[site.tensor];
  KernelTensor local{kernel.unused_name(site.name()), staged.type, {}, site.move.where};
  double bytes = info(staged.type).bytes;
  for (Var axis : axes) {
    local.extents.push_back(kernel.extent(axis));
    bytes *= static_cast<double>(kernel.extent(axis));
  }
  const double held = static_cast<double>(staged.elements()) * info(staged.type).bytes;
  if (bytes > std::max(most_tile_bytes, 2 * held))
    return fmt::format("the tile would take {:.0f} MB, and the tensor has {:.0f} MB", bytes / 1e6,
                       held / 1e6);
  local.fixed = site.move.where != Where::heap;
  local.scope = site.at;
  kernel.tensors.push_back(std::move(local));
  return {};
}

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
