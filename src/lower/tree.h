// Walks and rewrites over the items of a nest, shared by the moves and passes.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "lower/nest.h"

namespace tenon {

using Path = std::vector<Var>;  // the axes of the loops around an item, outermost first
using IndexMap = std::function<Index(const Index&)>;

// Every item in execution order, with the loops around it.
void visit(const std::vector<Item>& items,
           const std::function<void(const Item&, const Path&)>& see);
void visit_stores(const std::vector<Item>& items,
                  const std::function<void(const Store&, const Path&)>& see);

// Every load (and, as a load of its `at`, every fold) of a value, computed indices included.
void visit_loads(const ValueRef& value, const std::function<void(const Load&)>& see);
void visit_loads(const Store& store, const std::function<void(const Load&)>& see);

// The value with every load replaced by change(load), innermost first; what is equal stays shared.
ValueRef map_loads(const ValueRef& value, const std::function<ValueRef(const Load&)>& change);
// Everything with every index in it mapped: subscripts, ranges, index values.
ValueRef map_folds(const ValueRef& value, const std::function<ValueRef(const Fold&)>& change);
ValueRef map_indices(const ValueRef& value, const IndexMap& map);
Store map_indices(const Store& store, const IndexMap& map);
std::vector<Item> map_indices(const std::vector<Item>& items, const IndexMap& map);
std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map);

// Every load and fold of one tensor reads the other one instead.
ValueRef with_tensor(const ValueRef& value, int from, int to);

// The items with `with` in place of every store.
std::vector<Item> map_stores(const std::vector<Item>& items,
                             const std::function<Item(const Item&, const Store&)>& with);

// In the whole kernel (limits included): every use of the axis as an index becomes `with`. Loops
// over the axis are not touched.
void substitute(Kernel& kernel, Var axis, const Index& with);

// One tensor's uses, stores first to last in execution order.
struct Use {
  const Store* store;  // the statement
  const Load* load;    // null where the statement writes the tensor
  std::vector<Index> at;
  Path path;
};
std::vector<Use> uses_of(const std::vector<Item>& items, int tensor);

// Does anything below write (or read) the tensor?
bool stores_to(const std::vector<Item>& items, int tensor);
bool loads_from(const std::vector<Item>& items, int tensor);

// `body` wrapped in loops over `axes`, outermost first.
std::vector<Item> wrap(std::vector<Item> body, std::span<const Var> axes);
Item make_loop(Var axis, std::vector<Item> body);
// The items without loops that do nothing.
std::vector<Item> without_empty(std::vector<Item> items);

}  // namespace tenon
