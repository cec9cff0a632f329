// Walks and rewrites over the items of a nest, shared by the moves and passes.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/ranges.h"
#include "lower/nest.h"

namespace tenon {

using Path = std::vector<Var>;  // the axes of the loops around an item, outermost first
using IndexMap = std::function<Index(const Index&)>;

// Every item in execution order, with the loops around it.
void visit(const std::vector<Item>& items,
           const std::function<void(const Item&, const Path&)>& see);
void visit_stores(const std::vector<Item>& items,
                  const std::function<void(const Store&, const Path&)>& see);

// A value and all that it is made of, each once, operands first.
void visit_values(const ValueRef& value, const std::function<void(const Value&)>& see);
// Every load, computed subscripts included, and every fold: as a load with that axis computed.
void visit_loads(const ValueRef& value, const std::function<void(const Load&)>& see);
void visit_loads(const Store& store, const std::function<void(const Load&)>& see);

// The value rebuilt bottom up: `change` sees each part after those that it is made of, and what is
// shared stays shared. Of a statement: its value, factor and computed subscript.
using ValueMap = std::function<ValueRef(const ValueRef&)>;
ValueRef map_values(const ValueRef& value, const ValueMap& change);
Store map_values(const Store& store, const ValueMap& change);

// Every load replaced, unless null comes back for it.
using LoadMap = std::function<ValueRef(const Load&, Type)>;
ValueRef map_loads(const ValueRef& value, const LoadMap& change);
Store map_loads(const Store& store, const LoadMap& change);
std::vector<Item> map_loads(const std::vector<Item>& items, const LoadMap& change);

// Every access of one tensor, by load, fold or store, to another tensor or place. `axis` is the
// computed or folded one, -1 where there is none.
using AccessMap = std::function<void(int& tensor, std::vector<Index>& at, int& axis)>;
std::vector<Item> map_accesses(const std::vector<Item>& items, int tensor, const AccessMap& change);

// Everything with every index in it mapped: subscripts, ranges, index values.
ValueRef map_indices(const ValueRef& value, const IndexMap& map);
Store map_indices(const Store& store, const IndexMap& map);
std::vector<Item> map_indices(const std::vector<Item>& items, const IndexMap& map);
std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map);
std::vector<Index> map_indices(std::vector<Index> indices, const IndexMap& map);
// Axes by others, one for one.
IndexMap renaming(const Kernel& kernel, const std::vector<Var>& from, const std::vector<Var>& to);

// The items with `with` in place of every store.
std::vector<Item> map_stores(const std::vector<Item>& items,
                             const std::function<Item(const Item&, const Store&)>& with);

// In the whole kernel (limits included): every use of the axis as an index becomes `with`. Loops
// over the axis are not touched.
void substitute(Kernel& kernel, Var axis, const Index& with);

// One tensor's uses in execution order; what a statement reads comes before what it writes.
struct Use {
  const Store* store;  // the statement
  bool writes;         // or reads
  bool folds;          // reads all lanes of the computed axis
  int computed_axis;   // `at` does not say where on this axis; -1: none
  std::vector<Index> at;
  Path path;  // the loops around it
  std::vector<const Loop*> loops;
  std::vector<Range> when;  // the conditions of it and of the loops around it
};
std::vector<Use> uses_of(const std::vector<Item>& items, int tensor);

// An index as a sum: what stands still while some axes move, and what moves (with the constant). A
// division of both moves.
struct Parts {
  Index still, moving;
  bool is_mixed = false;
};
Parts take_apart(const Index& index, const std::function<bool(Var)>& moves);

// The place in memory, in elements, row-major.
Index flat(const KernelTensor& tensor, const std::vector<Index>& at);

// Does anything below write (or read) the tensor?
bool stores_to(const std::vector<Item>& items, int tensor);
bool loads_from(const std::vector<Item>& items, int tensor);

// `body` wrapped in loops over `axes`, outermost first.
std::vector<Item> wrap(std::vector<Item> body, std::span<const Var> axes);
Item make_loop(Var axis, std::vector<Item> body);
// The items without loops that do nothing.
std::vector<Item> without_empty(std::vector<Item> items);

}  // namespace tenon
