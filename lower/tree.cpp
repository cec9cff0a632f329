#include "lower/tree.h"

#include <ranges>
#include <unordered_map>
#include <unordered_set>

namespace tenon {
namespace {

// `here` is the way to the items.
void visit_below(Items items, Way& here, const std::function<void(const Item&, const Way&)>& see) {
  for (const Item& item : items) {
    const std::size_t conditions = here.when.size();
    append(here.when, item.when);
    see(item, here);
    if (const Loop* loop = item.loop()) {
      here.path.push_back(loop->axis);
      here.loops.push_back(loop);
      visit_below(loop->body, here, see);
      here.path.pop_back();
      here.loops.pop_back();
    }
    here.when.resize(conditions);
  }
}

void visit_below(const ValueRef& v, std::unordered_set<const Value*>& seen, const ValueSeen& see) {
  if (!v || !seen.insert(v.get()).second) return;
  if (const Access* access = access_in(v->detail)) visit_below(access->computed, seen, see);
  if (const auto* apply = std::get_if<Apply>(&v->detail))
    for (const ValueRef& operand : apply->operands) visit_below(operand, seen, see);
  see(*v);
}

class Rebuild {
 public:
  explicit Rebuild(ValueChange change) : change_(std::move(change)) {}

  ValueRef operator()(const ValueRef& value) {
    if (!value) return value;
    if (auto known = done_.find(value.get()); known != done_.end()) return known->second;
    Value copy = *value;
    bool is_changed = false;
    const auto part = [&](ValueRef& of) {
      const ValueRef old = std::exchange(of, (*this)(of));
      is_changed = is_changed || of != old;
    };
    if (auto* apply = std::get_if<Apply>(&copy.detail))
      std::ranges::for_each(apply->operands, part);
    if (Access* access = access_in(copy.detail)) part(access->computed);
    is_changed = change_(copy) || is_changed;
    return done_[value.get()] = is_changed ? std::make_shared<const Value>(std::move(copy)) : value;
  }

 private:
  ValueChange change_;
  std::unordered_map<const Value*, ValueRef> done_;
};

ValueChange on_indices(const IndexMap& map) {
  return [&map](Value& value) {
    for_each_index(value, [&](Index& index) { index = map(index); });
    if (auto* ranges = ranges_in(value.detail)) *ranges = mapped(*ranges, without_division);
    return !std::holds_alternative<Apply>(value.detail);
  };
}

}  // namespace

ValueRef map_values(const ValueRef& value, const ValueChange& change) {
  return Rebuild(change)(value);
}

void replace_values(Store& store, const ValueChange& change) {
  Rebuild rebuild(change);
  for (ValueRef* value : {&store.value, &store.factor, &store.computed}) *value = rebuild(*value);
}

void visit(Items items, const std::function<void(const Item&, const Way&)>& see) {
  Way here;
  visit_below(items, here, see);
}

void visit_stores(Items items, const std::function<void(const Store&, const Path&)>& see) {
  visit(items, [&](const Item& item, const Way& way) {
    if (const Store* store = item.store()) see(*store, way.path);
  });
}

void visit_values(const ValueRef& value, const ValueSeen& see) {
  std::unordered_set<const Value*> seen;
  visit_below(value, seen, see);
}

void visit_values(const Store& store, const ValueSeen& see) {
  std::unordered_set<const Value*> seen;
  for (const ValueRef& v : {store.value, store.factor, store.computed}) visit_below(v, seen, see);
}

void visit_reads(const Store& store, const std::function<void(const Access&)>& see) {
  visit_values(store, [&](const Value& v) {
    if (const Access* access = access_in(v.detail)) see(*access);
  });
}

bool adds_over(Items items, Var axis) {
  bool found = false;
  visit_stores(
      items, [&](const Store& store, const Path&) { found = found || contains(store.over, axis); });
  return found;
}

const Item* only_item(const Loop& loop) {
  return loop.body.size() == 1 && loop.body[0].when.empty() ? &loop.body[0] : nullptr;
}

bool are_nested(Items items, std::span<const Var> axes) {
  return std::ranges::any_of(items, [&](const Item& item) {
    std::vector<Var> left(axes.begin(), axes.end());
    if (item.loop()) std::erase(left, item.loop()->axis);
    return left.empty() || (item.loop() && are_nested(item.loop()->body, left));
  });
}

int count_loops(Items items, Var axis) {
  int count = 0;
  visit(items, [&](const Item& item, const Way&) {
    count += static_cast<int>(item.loop() && item.loop()->axis == axis);
  });
  return count;
}

ValueRef map_indices(const ValueRef& value, const IndexMap& map) {
  return Rebuild(on_indices(map))(value);
}

std::vector<Range> map_indices(std::vector<Range> ranges, const IndexMap& map) {
  for (Range& range : ranges) range = without_division({map(range.index), range.low, range.high});
  return ranges;
}

void replace_indices(std::vector<Item>& items, const IndexMap& map) {
  for (Item& item : items) {
    item.when = map_indices(std::move(item.when), map);
    if (Loop* loop = item.loop()) {
      replace_indices(loop->body, map);
      loop->begins = mapped(loop->begins, map);
      loop->ends = mapped(loop->ends, map);
    }
    if (Access* access = access_in(item.what)) access->at = mapped(access->at, map);
    if (Store* store = item.store()) replace_values(*store, on_indices(map));
  }
}

void replace_accesses(std::vector<Item>& items, int tensor,
                      const std::function<void(Access&)>& change) {
  const ValueChange on_reads = [&](Value& value) {
    Access* read = access_in(value.detail);
    if (!read || read->tensor != tensor) return false;
    change(*read);
    return true;
  };
  change_stores(items, [&](Store& store) {
    replace_values(store, on_reads);
    if (store.tensor == tensor) change(store);
  });
}

void change_stores(std::vector<Item>& items, const std::function<void(Store&)>& change) {
  for (Item& item : items) {
    if (Loop* loop = item.loop()) change_stores(loop->body, change);
    if (Store* store = item.store()) change(*store);
  }
}

void change_bodies(std::vector<Item>& body, const BodyChange& change, const Path& path) {
  for (Item& item : body)
    if (Loop* loop = item.loop()) {
      Path inside = path;
      inside.push_back(loop->axis);
      change_bodies(loop->body, change, inside);
    }
  change(body, path);
}

IndexMap replacing(const Kernel& kernel, std::vector<Var> axes, std::vector<Index> with) {
  return
      [bounds = kernel.bounds(), axes = std::move(axes), with = std::move(with)](const Index& i) {
        if (!i.uses_any(axes)) return i;
        const auto instead = [&](Var v) {
          const auto place = position(axes, v);
          return place ? with[*place] : Index::var(v);
        };
        return substitute(i, instead, bounds);
      };
}

void replace_axis(const Kernel& kernel, std::vector<Item>& items, Var axis, const Index& index,
                  std::span<const Var> over) {
  replace_indices(items, replacing(kernel, {axis}, {index}));
  change_stores(items, [&](Store& store) {
    const auto place = std::ranges::find(store.over, axis);
    if (place != store.over.end())
      store.over.insert(store.over.erase(place), over.begin(), over.end());
  });
}

std::vector<Item> under(const std::vector<Range>& when, std::vector<Item> items) {
  for (Item& item : items) item.when.insert(item.when.begin(), when.begin(), when.end());
  return items;
}

std::vector<Item> wrap(std::vector<Item> body, std::span<const Var> axes) {
  for (Var axis : std::views::reverse(axes)) {
    std::vector<Item> inner = std::exchange(body, {});
    body.push_back({Loop{axis, std::move(inner)}});
  }
  return body;
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

std::optional<Index> index_at_start(const Index& index, const std::function<bool(Var)>& known) {
  const Parts parts = take_apart(index, [&](Var v) { return !known(v); });
  const bool only_rises = std::ranges::all_of(parts.moving.terms(), [](const Index::Term& term) {
    return term.kind == Index::Kind::var && term.coefficient > 0;
  });
  if (!only_rises || parts.still.is_constant()) return {};
  return parts.still + Index(index.constant());
}

Index flat(const KernelTensor& tensor, const std::vector<Index>& at, int first, int count) {
  Index place;
  for (int d = first; d < first + count; ++d) place = place * tensor.extents[d] + at[d];
  return place;
}

}  // namespace tenon
