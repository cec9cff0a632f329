#include <algorithm>

#include "lower/passes.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// The accumulations directly or indirectly in an item that are still implicit.
bool is_implicit(const Store& store) {
  return store.combine && store.initial && !store.over.empty();
}

struct Found {
  Store store;
  Path inside;              // loops between the place looked at and the statement
  std::vector<Range> when;  // of the items on the way
};

void find(const std::vector<Item>& items, Path& inside, std::vector<Range>& when,
          std::vector<Found>& found) {
  for (const Item& item : items) {
    const std::size_t conditions = when.size();
    when.insert(when.end(), item.when.begin(), item.when.end());
    if (const Store* store = item.store(); store && is_implicit(*store))
      found.push_back({*store, inside, when});
    if (const Loop* loop = item.loop()) {
      inside.push_back(loop->axis);
      find(loop->body, inside, when, found);
      inside.pop_back();
    }
    when.resize(conditions);
  }
}

ValueRef identity_of(const Kernel& kernel, const Store& store) {
  const Type type = kernel.tensors[store.tensor].type;
  return make_value(Constant{identity(*store.combine, type)}, type);
}

// The store of the identity under copies of the loops that index the target, for every iteration in
// which the accumulation begins: the loops around this place that it is added up over are all at 0.
Item begin(const Kernel& kernel, const Found& found, const Path& outside) {
  Store store{};
  store.tensor = found.store.tensor;
  store.at = found.store.at;
  store.value = identity_of(kernel, found.store);
  std::vector<Var> copies;
  for (Var v : found.inside)
    if (!contains(found.store.over, v)) copies.push_back(v);
  std::vector<Range> conditions;
  for (const Range& range : found.when)
    if (std::ranges::none_of(found.store.over, [&](Var v) { return range.index.uses(v); }))
      conditions.push_back(range);
  std::vector<Item> nest = wrap({{std::move(store), std::move(conditions)}}, copies);
  for (Var v : outside)
    if (contains(found.store.over, v) && kernel.axes[v].extent > 1)
      nest.front().when.push_back({Index::var(v), 0, 1});
  return nest.front();
}

class Pass {
 public:
  explicit Pass(const Kernel& kernel) : kernel_(kernel) {}

  std::vector<Item> run(const std::vector<Item>& items) {
    std::vector<Item> result;
    for (const Item& item : items) {
      Item rebuilt = item;
      if (Loop* loop = rebuilt.loop()) {
        outside_.push_back(loop->axis);
        loop->body = run(loop->body);
        outside_.pop_back();
        for (const Found& found : begins_here(rebuilt))
          result.push_back(begin(kernel_, found, outside_));
        rebuilt = settle(std::move(rebuilt));
      }
      result.push_back(begin_tiles(std::move(rebuilt), result));
    }
    return result;
  }

 private:
  // A tile of the loop around this item begins inside that loop, if nothing further in began it.
  Item begin_tiles(Item item, std::vector<Item>& before) const {
    std::vector<Found> all;
    Path inside;
    std::vector<Range> when;
    find({item}, inside, when, all);
    std::erase_if(all, [&](const Found& found) {
      const auto scope = kernel_.tensors[found.store.tensor].scope;
      return outside_.empty() || scope != outside_.back();
    });
    for (const Found& found : all) before.push_back(begin(kernel_, found, outside_));
    if (all.empty()) return item;
    return map_stores({std::move(item)},
                      [&](const Item& at, const Store& store) {
                        Store copy = store;
                        copy.initial =
                            copy.initial && std::ranges::none_of(all, [&](const Found& found) {
                              return found.store.tensor == store.tensor;
                            });
                        return Item{std::move(copy), at.when};
                      })
        .front();
  }

  // Accumulations over this item's loop that cannot begin further out: the loop around it is not
  // one that they are added up over, or holds more than this item.
  std::vector<Found> begins_here(const Item& item) {
    const Var axis = item.loop()->axis;
    std::vector<Found> all, here;
    Path inside;
    std::vector<Range> when;
    find({item}, inside, when, all);
    for (Found& found : all) {
      if (!contains(found.store.over, axis)) continue;
      const bool outermost = outside_.empty() || (!contains(found.store.over, outside_.back()) &&
                                                  !continues(found.store));
      const bool target_only = std::ranges::all_of(found.inside, [&](Var v) {
        return contains(found.store.over, v) || uses(found.store, v);
      });
      if (outermost || !target_only) {
        here.push_back(std::move(found));
        settled_.push_back(axis);
      }
    }
    return here;
  }

  // Does this place stand in a matrix instruction, which adds to what an outer loop has begun?
  bool continues(const Store& store) const {
    return kernel_.axes[outside_.back()].tag == Tag::mma &&
           std::ranges::any_of(outside_, [&](Var v) { return contains(store.over, v); });
  }

  static bool uses(const Store& store, Var v) {
    return std::ranges::any_of(store.at, [v](const Index& i) { return i.uses(v); });
  }

  // What begins at this loop is explicit from here on.
  Item settle(Item item) {
    const Var axis = item.loop()->axis;
    if (!contains(settled_, axis)) return item;
    std::erase(settled_, axis);
    std::vector<Item> one{std::move(item)};
    return map_stores(one,
                      [&](const Item& at, const Store& store) {
                        Store copy = store;
                        if (contains(store.over, axis)) copy.initial = false;
                        return Item{std::move(copy), at.when};
                      })
        .front();
  }

  const Kernel& kernel_;
  Path outside_;
  std::vector<Var> settled_;
};

}  // namespace

Kernel explicit_identities(const Kernel& kernel) {
  Kernel result = kernel;
  result.body = Pass(kernel).run(kernel.body);
  // A sum over nothing around it: one term, from the identity.
  result.body = map_stores(result.body, [&](const Item& item, const Store& store) {
    Store copy = store;
    copy.initial = false;
    return Item{std::move(copy), item.when};
  });
  return result;
}

}  // namespace tenon
