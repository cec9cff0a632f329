// Walks and rewrites over the items of a nest, shared by the moves and passes. Brings
// core/ranges.h.
#pragma once

#include <span>

#include "core/ranges.h"
#include "lower/nest.h"

namespace tenon {

using Path = std::vector<Var>;  // the axes of the loops around an item, outermost first
using IndexMap = std::function<Index(const Index&)>;

// What is walked: a list of items, or one item.
using Items = std::span<const Item>;
inline Items only(const Item& item) { return {&item, 1}; }

// ---- walks ----

// The way to an item.
struct Way {
  Path path;                       // the axes of the loops around it
  std::vector<const Loop*> loops;  // those loops
  std::vector<Range> when;         // the conditions of the loops and of the item itself
};
// Every item in execution order, or every store with the loops around it.
void visit(Items items, const std::function<void(const Item&, const Way&)>& see);
void visit_stores(Items items, const std::function<void(const Store&, const Path&)>& see);

// All values that a value or a statement is made of, operands and computed subscripts first, each
// once.
using ValueSeen = std::function<void(const Value&)>;
void visit_values(const ValueRef& value, const ValueSeen& see);
void visit_values(const Store& store, const ValueSeen& see);
// Every load and every fold, those in computed subscripts included.
void visit_reads(const Store& store, const std::function<void(const Access&)>& see);

// The access that a value (value.detail) or an item (item.what) is, or null.
template <typename Variant>
auto* access_in(Variant& variant) {
  using Found = std::conditional_t<std::is_const_v<Variant>, const Access, Access>;
  const auto found = [](auto& part) -> Found* {
    if constexpr (std::is_convertible_v<decltype(&part), const Access*>) return &part;
    return nullptr;
  };
  return std::visit(found, variant);
}
// The conditions of a Load or an Inside, or null.
template <typename Variant>
auto* ranges_in(Variant& variant) {
  auto* const load = std::get_if<Load>(&variant);
  auto* const inside = std::get_if<Inside>(&variant);
  return load ? &load->inside : inside ? &inside->ranges : nullptr;
}
// The lanes of a statement, or null for a loop.
template <typename AnyItem>
auto* lanes_in(AnyItem& item) {
  if (auto* store = std::get_if<Store>(&item.what)) return &store->lanes;
  auto* const line = std::get_if<Prefetch>(&item.what);
  return line ? &line->lanes : nullptr;
}
// Every index that is written in the value itself: subscripts, conditions, the index of an
// IndexValue. Those of its operands are not.
template <typename AnyValue, typename See>
void for_each_index(AnyValue& value, const See& see) {
  if (auto* access = access_in(value.detail))
    for (auto& index : access->at) see(index);
  if (auto* ranges = ranges_in(value.detail))
    for (auto& range : *ranges) see(range.index);
  if (auto* written = std::get_if<IndexValue>(&value.detail)) see(written->index);
}

// Does anything below accumulate over the axis?
bool adds_over(Items items, Var axis);
// The item that is all that the loop holds and has no condition, or null.
const Item* only_item(const Loop& loop);
// Do loops over all of the axes stand one inside the other?
bool are_nested(Items items, std::span<const Var> axes);
// How many of the loops run over the axis?
int count_loops(Items items, Var axis);

// ---- rewrites ----

// Values are rebuilt bottom up: `change` gets a copy of a value, whose parts are changed already,
// and returns whether it has changed the copy. A value that nothing changes stays the same object.
// A value that is used twice is changed once and stays shared.

// Changes every value that a value is made of. In a statement: its value, factor and computed
// subscript.
using ValueChange = std::function<bool(Value&)>;
ValueRef map_values(const ValueRef& value, const ValueChange& change);
void replace_values(Store& store, const ValueChange& change);

// Maps every index: subscripts, ranges, index values.
ValueRef map_indices(const ValueRef& value, const IndexMap& map);
std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map);
void replace_indices(std::vector<Item>& items, const IndexMap& map);

// Changes every load, fold and store of one tensor, for example to another tensor.
void replace_accesses(std::vector<Item>& items, int tensor,
                      const std::function<void(Access&)>& change);

void change_stores(std::vector<Item>& items, const std::function<void(Store&)>& change);
// Calls `change` for the bodies of all loops in the body, inner ones first, and then for the body.
// `path` holds the loops around each.
using BodyChange = std::function<void(std::vector<Item>& body, const Path& path)>;
void change_bodies(std::vector<Item>& body, const BodyChange& change, const Path& path = {});

// A map that replaces each of `axes` by the index, or by the axis, in the same position of `with`.
IndexMap replacing(const Kernel& kernel, std::vector<Var> axes, std::vector<Index> with);
inline IndexMap renaming(const Kernel& kernel, std::vector<Var> axes, const Path& with) {
  return replacing(kernel, std::move(axes), mapped(with, Index::var));
}

// Replaces the axis in the items: by `index` in every index, and by the axes `over` in the list of
// axes that a store accumulates over. Loops over the axis, and limits, do not change.
void replace_axis(const Kernel& kernel, std::vector<Item>& items, Var axis, const Index& index,
                  std::span<const Var> over);

// Adds these conditions to each item, in front of its own.
std::vector<Item> under(const std::vector<Range>& when, std::vector<Item> items);

// `body` wrapped in loops over `axes`, outermost first.
std::vector<Item> wrap(std::vector<Item> body, std::span<const Var> axes);

// ---- indices ----

// An index as a sum of two parts, given which axes move. `still` uses no moving axis; `moving` is
// the rest, with the constant. `is_mixed`: a quotient or remainder uses axes of both kinds.
struct Parts {
  Index still, moving;
  bool is_mixed = false;
};
Parts take_apart(const Index& index, const std::function<bool(Var)>& moves);

// The least value of a limit's index for given values of the `known` axes: all other axes are at 0.
// Nothing if another axis could lower the index, or if no known axis is used apart from the others.
std::optional<Index> index_at_start(const Index& index, const std::function<bool(Var)>& known);

// The row-major position of an element, in elements. The first form takes only the `count` axes
// from `first` on.
Index flat(const KernelTensor& tensor, const std::vector<Index>& at, int first, int count);
inline Index flat(const KernelTensor& tensor, const std::vector<Index>& at) {
  return flat(tensor, at, 0, static_cast<int>(at.size()));
}

}  // namespace tenon
