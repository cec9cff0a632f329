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

class Rebuild {
 public:
  explicit Rebuild(const ValueMap& change) : change_(change) {}

  ValueRef operator()(const ValueRef& value) {
    if (!value) return value;
    if (auto known = done_.find(value.get()); known != done_.end()) return known->second;
    ValueRef rebuilt = value;
    if (const auto* apply = std::get_if<Apply>(&value->detail)) {
      Apply copy{apply->op, mapped(apply->operands, *this)};
      if (copy.operands != apply->operands) rebuilt = make_value(std::move(copy), value->type);
    } else if (const auto* load = std::get_if<Load>(&value->detail); load && load->computed) {
      Load copy = *load;
      copy.computed = (*this)(load->computed);
      if (copy.computed != load->computed) rebuilt = make_value(std::move(copy), value->type);
    }
    return done_[value.get()] = change_(rebuilt);
  }

 private:
  const ValueMap& change_;
  std::unordered_map<const Value*, ValueRef> done_;
};

ValueRef with_indices(const ValueRef& value, const IndexMap& map) {
  Value copy = *value;
  if (auto* load = std::get_if<Load>(&copy.detail)) {
    load->at = map_indices(std::move(load->at), map);
    load->inside = map_indices(std::move(load->inside), map);
  } else if (auto* fold = std::get_if<Fold>(&copy.detail)) {
    fold->at = map_indices(std::move(fold->at), map);
  } else if (auto* index = std::get_if<IndexValue>(&copy.detail)) {
    index->index = map(index->index);
  } else if (auto* inside = std::get_if<Inside>(&copy.detail)) {
    inside->ranges = map_indices(std::move(inside->ranges), map);
  } else {
    return value;
  }
  return std::make_shared<Value>(std::move(copy));
}

ValueMap on_loads(const LoadMap& change) {
  return [&change](const ValueRef& value) {
    const auto* load = std::get_if<Load>(&value->detail);
    ValueRef changed = load ? change(*load, value->type) : nullptr;
    return changed ? changed : value;
  };
}

// `here` is the way to the items.
void collect_uses(const std::vector<Item>& items, int tensor, Use& here, std::vector<Use>& uses) {
  for (const Item& item : items) {
    const std::size_t conditions = here.when.size();
    append(here.when, item.when);
    if (const Loop* loop = item.loop()) {
      here.path.push_back(loop->axis);
      here.loops.push_back(loop);
      collect_uses(loop->body, tensor, here, uses);
      here.path.pop_back();
      here.loops.pop_back();
    } else if (const Store* store = item.store()) {
      const auto add = [&](bool writes, bool folds, int computed_axis, std::vector<Index> at) {
        uses.push_back(
            {store, writes, folds, computed_axis, std::move(at), here.path, here.loops, here.when});
      };
      for (const ValueRef& value : {store->value, store->factor, store->computed})
        visit_values(value, [&](const Value& v) {
          const auto* load = std::get_if<Load>(&v.detail);
          const auto* fold = std::get_if<Fold>(&v.detail);
          if (load && load->tensor == tensor) add(false, false, load->computed_axis, load->at);
          if (fold && fold->tensor == tensor) add(false, true, fold->axis, fold->at);
        });
      if (store->tensor == tensor) add(true, false, store->computed_axis, store->at);
    }
    here.when.resize(conditions);
  }
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

void visit_values(const ValueRef& value, const std::function<void(const Value&)>& see) {
  std::unordered_set<const Value*> seen;
  const auto below = [&](const auto& self, const ValueRef& v) -> void {
    if (!v || !seen.insert(v.get()).second) return;
    if (const auto* load = std::get_if<Load>(&v->detail)) self(self, load->computed);
    if (const auto* apply = std::get_if<Apply>(&v->detail))
      for (const ValueRef& operand : apply->operands) self(self, operand);
    see(*v);
  };
  below(below, value);
}

void visit_loads(const ValueRef& value, const std::function<void(const Load&)>& see) {
  visit_values(value, [&](const Value& v) {
    if (const auto* load = std::get_if<Load>(&v.detail)) see(*load);
    if (const auto* fold = std::get_if<Fold>(&v.detail))
      see({.tensor = fold->tensor, .at = fold->at, .computed_axis = fold->axis});
  });
}

void visit_loads(const Store& store, const std::function<void(const Load&)>& see) {
  for (const ValueRef& value : {store.value, store.factor, store.computed}) visit_loads(value, see);
}

ValueRef map_values(const ValueRef& value, const ValueMap& change) {
  return Rebuild(change)(value);
}

Store map_values(const Store& store, const ValueMap& change) {
  Store copy = store;
  Rebuild rebuild(change);
  for (ValueRef* value : {&copy.value, &copy.factor, &copy.computed}) *value = rebuild(*value);
  return copy;
}

ValueRef map_loads(const ValueRef& value, const LoadMap& change) {
  return map_values(value, on_loads(change));
}

Store map_loads(const Store& store, const LoadMap& change) {
  return map_values(store, on_loads(change));
}

std::vector<Item> map_loads(const std::vector<Item>& items, const LoadMap& change) {
  return map_stores(items, [&](const Item& item, const Store& store) {
    return Item{map_loads(store, change), item.when};
  });
}

std::vector<Item> map_accesses(const std::vector<Item>& items, int tensor,
                               const AccessMap& change) {
  const ValueMap on_values = [&](const ValueRef& value) {
    Value copy = *value;
    auto* load = std::get_if<Load>(&copy.detail);
    auto* fold = std::get_if<Fold>(&copy.detail);
    if (load && load->tensor == tensor)
      change(load->tensor, load->at, load->computed_axis);
    else if (fold && fold->tensor == tensor)
      change(fold->tensor, fold->at, fold->axis);
    else
      return value;
    return ValueRef(std::make_shared<const Value>(std::move(copy)));
  };
  return map_stores(items, [&](const Item& item, const Store& store) {
    Store copy = map_values(store, on_values);
    if (copy.tensor == tensor) change(copy.tensor, copy.at, copy.computed_axis);
    return Item{std::move(copy), item.when};
  });
}

ValueRef map_indices(const ValueRef& value, const IndexMap& map) {
  return map_values(value, [&](const ValueRef& v) { return with_indices(v, map); });
}

std::vector<Index> map_indices(std::vector<Index> indices, const IndexMap& map) {
  for (Index& index : indices) index = map(index);
  return indices;
}

IndexMap renaming(const Kernel& kernel, const std::vector<Var>& from, const std::vector<Var>& to) {
  return [bounds = kernel.bounds(), from, to](const Index& index) {
    const auto with = [&](Var v) {
      const auto place = position(from, v);
      return Index::var(place ? to[*place] : v);
    };
    return substitute(index, with, bounds);
  };
}

std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map) {
  for (Range& range : ranges) {
    range.index = map(range.index);
    range = without_division(range);
  }
  return ranges;
}

Store map_indices(const Store& store, const IndexMap& map) {
  Store copy = map_values(store, [&](const ValueRef& v) { return with_indices(v, map); });
  copy.at = map_indices(std::move(copy.at), map);
  return copy;
}

std::vector<Item> map_indices(const std::vector<Item>& items, const IndexMap& map) {
  std::vector<Item> result;
  for (const Item& item : items) {
    Item copy{item.what, map_indices(item.when, map)};
    if (const Loop* loop = item.loop()) copy.what = Loop{loop->axis, map_indices(loop->body, map)};
    if (const Store* store = item.store()) copy.what = map_indices(*store, map);
    if (auto* prefetch = std::get_if<Prefetch>(&copy.what))
      prefetch->at = map_indices(std::move(prefetch->at), map);
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
  Use here{};
  collect_uses(items, tensor, here, uses);
  return uses;
}

Parts take_apart(const Index& index, const std::function<bool(Var)>& moves) {
  Parts parts;
  for (const Index::Term& term : index.terms()) {
    const std::vector<Var> vars = Index::of(term).vars();
    const bool is_still = std::ranges::none_of(vars, moves);
    Index& part = is_still ? parts.still : parts.moving;
    part = part + Index::of(term);
    parts.is_mixed = parts.is_mixed || (!is_still && !std::ranges::all_of(vars, moves));
  }
  parts.moving = parts.moving + Index(index.constant());
  return parts;
}

Index flat(const KernelTensor& tensor, const std::vector<Index>& at) {
  Index result;
  std::int64_t stride = 1;
  for (std::size_t d = at.size(); d-- > 0;) {
    result = result + at[d] * stride;
    stride *= tensor.extents[d];
  }
  return result;
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
