#include "lower/tree.h"

#include <unordered_map>
#include <unordered_set>

namespace tenon {
namespace {

void visit_below(const std::vector<Item>& items, Path& path,
                 const std::function<void(const Item&, const Path&)>& see) {
  for (const Item& item : items) {
    see(item, path);
    if (const Loop* loop = item.loop()) {
      path.push_back(loop->axis);
      visit_below(loop->body, path, see);
      path.pop_back();
    }
  }
}

// Rebuilds a value bottom up. `change` sees each value after its operands were rebuilt.
class Rebuild {
 public:
  explicit Rebuild(const std::function<ValueRef(const ValueRef&)>& change) : change_(change) {}

  ValueRef operator()(const ValueRef& value) {
    if (!value) return value;
    if (auto known = done_.find(value.get()); known != done_.end()) return known->second;
    ValueRef rebuilt = value;
    if (const auto* apply = std::get_if<Apply>(&value->detail)) {
      Apply copy{apply->op, {}};
      for (const ValueRef& operand : apply->operands) copy.operands.push_back((*this)(operand));
      if (copy.operands != apply->operands)
        rebuilt = std::make_shared<Value>(Value{std::move(copy), value->type});
    } else if (const auto* load = std::get_if<Load>(&value->detail); load && load->computed) {
      Load copy = *load;
      copy.computed = (*this)(load->computed);
      if (copy.computed != load->computed)
        rebuilt = std::make_shared<Value>(Value{std::move(copy), value->type});
    }
    return done_[value.get()] = change_(rebuilt);
  }

 private:
  const std::function<ValueRef(const ValueRef&)>& change_;
  std::unordered_map<const Value*, ValueRef> done_;
};

ValueRef with_indices(const ValueRef& value, const IndexMap& map) {
  Value copy = *value;
  const auto map_all = [&](std::vector<Index>& indices) {
    for (Index& index : indices) index = map(index);
  };
  if (auto* load = std::get_if<Load>(&copy.detail)) {
    map_all(load->at);
    load->inside = map_indices(std::move(load->inside), map);
  } else if (auto* fold = std::get_if<Fold>(&copy.detail)) {
    map_all(fold->at);
  } else if (auto* index = std::get_if<IndexValue>(&copy.detail)) {
    index->index = map(index->index);
  } else if (auto* inside = std::get_if<Inside>(&copy.detail)) {
    inside->ranges = map_indices(std::move(inside->ranges), map);
  } else {
    return value;
  }
  return std::make_shared<Value>(std::move(copy));
}

}  // namespace

void visit(const std::vector<Item>& items,
           const std::function<void(const Item&, const Path&)>& see) {
  Path path;
  visit_below(items, path, see);
}

void visit_stores(const std::vector<Item>& items,
                  const std::function<void(const Store&, const Path&)>& see) {
  visit(items, [&](const Item& item, const Path& path) {
    if (const Store* store = item.store()) see(*store, path);
  });
}

void visit_loads(const ValueRef& value, const std::function<void(const Load&)>& see) {
  // A value is a graph: what is shared in it is seen once.
  std::unordered_set<const Value*> seen;
  const std::function<void(const ValueRef&)> below = [&](const ValueRef& v) {
    if (!v || !seen.insert(v.get()).second) return;
    if (const auto* load = std::get_if<Load>(&v->detail)) {
      below(load->computed);
      see(*load);
    } else if (const auto* fold = std::get_if<Fold>(&v->detail)) {
      see({fold->tensor, fold->at, {}, 0, -1, nullptr});
    } else if (const auto* apply = std::get_if<Apply>(&v->detail)) {
      for (const ValueRef& operand : apply->operands) below(operand);
    }
  };
  below(value);
}

void visit_loads(const Store& store, const std::function<void(const Load&)>& see) {
  visit_loads(store.value, see);
  visit_loads(store.factor, see);
  visit_loads(store.computed, see);
}

ValueRef map_loads(const ValueRef& value, const std::function<ValueRef(const Load&)>& change) {
  const std::function<ValueRef(const ValueRef&)> step = [&](const ValueRef& v) {
    const auto* load = std::get_if<Load>(&v->detail);
    if (!load) return v;
    ValueRef changed = change(*load);
    return changed ? changed : v;
  };
  return Rebuild(step)(value);
}

ValueRef map_folds(const ValueRef& value, const std::function<ValueRef(const Fold&)>& change) {
  const std::function<ValueRef(const ValueRef&)> step = [&](const ValueRef& v) {
    const auto* fold = std::get_if<Fold>(&v->detail);
    ValueRef changed = fold ? change(*fold) : nullptr;
    return changed ? changed : v;
  };
  return Rebuild(step)(value);
}

ValueRef map_indices(const ValueRef& value, const IndexMap& map) {
  const std::function<ValueRef(const ValueRef&)> step = [&](const ValueRef& v) {
    return with_indices(v, map);
  };
  return Rebuild(step)(value);
}

ValueRef with_tensor(const ValueRef& value, int from, int to) {
  const std::function<ValueRef(const ValueRef&)> step = [&](const ValueRef& v) {
    Value copy = *v;
    if (auto* load = std::get_if<Load>(&copy.detail); load && load->tensor == from)
      load->tensor = to;
    else if (auto* fold = std::get_if<Fold>(&copy.detail); fold && fold->tensor == from)
      fold->tensor = to;
    else
      return v;
    return std::make_shared<const Value>(std::move(copy));
  };
  return Rebuild(step)(value);
}

std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map) {
  for (Range& range : ranges) {
    range.index = map(range.index);
    range = without_division(range);
  }
  return ranges;
}

Store map_indices(const Store& store, const IndexMap& map) {
  Store copy = store;
  for (Index& index : copy.at) index = map(index);
  copy.value = map_indices(store.value, map);
  copy.factor = map_indices(store.factor, map);
  copy.computed = map_indices(store.computed, map);
  return copy;
}

std::vector<Item> map_indices(const std::vector<Item>& items, const IndexMap& map) {
  std::vector<Item> result;
  for (const Item& item : items) {
    Item copy{item.what, map_indices(item.when, map)};
    if (const Loop* loop = item.loop()) copy.what = Loop{loop->axis, map_indices(loop->body, map)};
    if (const Store* store = item.store()) copy.what = map_indices(*store, map);
    if (auto* prefetch = std::get_if<Prefetch>(&copy.what))
      for (Index& index : prefetch->at) index = map(index);
    result.push_back(std::move(copy));
  }
  return result;
}

std::vector<Item> map_stores(const std::vector<Item>& items,
                             const std::function<Item(const Item&, const Store&)>& with) {
  std::vector<Item> result;
  for (const Item& item : items) {
    if (const Loop* loop = item.loop())
      result.push_back({Loop{loop->axis, map_stores(loop->body, with)}, item.when});
    else if (const Store* store = item.store())
      result.push_back(with(item, *store));
    else
      result.push_back(item);
  }
  return result;
}

void substitute(Kernel& kernel, Var axis, const Index& with) {
  const VarBounds bounds = kernel.bounds();
  const IndexMap map = [&](const Index& index) {
    if (!index.uses(axis)) return index;
    return substitute(index, [&](Var v) { return v == axis ? with : Index::var(v); }, bounds);
  };
  kernel.body = map_indices(kernel.body, map);
  for (Limit& limit : kernel.limits) limit.index = map(limit.index);
}

std::vector<Use> uses_of(const std::vector<Item>& items, int tensor) {
  std::vector<Use> uses;
  visit_stores(items, [&](const Store& store, const Path& path) {
    visit_loads(store, [&](const Load& load) {
      if (load.tensor == tensor) uses.push_back({&store, &load, load.at, path});
    });
    if (store.tensor == tensor) uses.push_back({&store, nullptr, store.at, path});
  });
  return uses;
}

bool stores_to(const std::vector<Item>& items, int tensor) {
  bool found = false;
  visit_stores(items,
               [&](const Store& store, const Path&) { found = found || store.tensor == tensor; });
  return found;
}

bool loads_from(const std::vector<Item>& items, int tensor) {
  bool found = false;
  visit_stores(items, [&](const Store& store, const Path&) {
    visit_loads(store, [&](const Load& load) { found = found || load.tensor == tensor; });
  });
  return found;
}

Item make_loop(Var axis, std::vector<Item> body) { return {Loop{axis, std::move(body)}, {}}; }

std::vector<Item> wrap(std::vector<Item> body, std::span<const Var> axes) {
  for (std::size_t i = axes.size(); i-- > 0;) {
    std::vector<Item> outer;
    outer.push_back(make_loop(axes[i], std::move(body)));
    body = std::move(outer);
  }
  return body;
}

std::vector<Item> without_empty(std::vector<Item> items) {
  std::vector<Item> result;
  for (Item& item : items) {
    if (Loop* loop = item.loop()) {
      loop->body = without_empty(std::move(loop->body));
      if (loop->body.empty()) continue;
    }
    result.push_back(std::move(item));
  }
  return result;
}

}  // namespace tenon
