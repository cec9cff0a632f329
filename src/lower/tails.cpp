// pad_tails and peel_tails: two of the three ways to meet a limit. What they leave is masked by
// codegen.
#include <algorithm>
#include <map>

#include "lower/passes.h"
#include "lower/tree.h"

namespace tenon {
namespace {

bool contains(const std::vector<Var>& axes, Var v) {
  return std::find(axes.begin(), axes.end(), v) != axes.end();
}

const Axis& axis_of(const Kernel& kernel, Var v) {
  return kernel.axes[static_cast<std::size_t>(v)];
}

std::vector<Var> vars_of(const Index& index) {
  std::vector<Var> vars;
  index.collect(vars);
  return vars;
}

bool is_argument(const Kernel& kernel, int tensor) {
  return kernel.tensors[static_cast<std::size_t>(tensor)].where == Where::argument;
}

// The statement under a padded limit: it runs beyond it, but touches no memory of the caller there.
Item padded(const Kernel& kernel, const Item& item, const Store& store, const Range& limit) {
  const auto guard = [&](const Load& load) -> ValueRef {
    if (!is_argument(kernel, load.tensor)) return nullptr;
    Load guarded = load;
    guarded.inside.push_back(limit);
    return std::make_shared<Value>(
        Value{std::move(guarded), kernel.tensors[static_cast<std::size_t>(load.tensor)].type});
  };
  Store copy = store;
  copy.value = map_loads(store.value, guard);
  if (store.factor) copy.factor = map_loads(store.factor, guard);
  Item result{std::move(copy), item.when};
  if (is_argument(kernel, store.tensor)) result.when.push_back(limit);
  return result;
}

std::vector<Item> pad_below(const Kernel& kernel, const std::vector<Item>& items,
                            std::vector<Var> missing, const Range& limit) {
  std::vector<Item> result;
  for (const Item& item : items) {
    if (const Loop* loop = item.loop()) {
      std::vector<Var> left = missing;
      std::erase(left, loop->axis);
      result.push_back({Loop{loop->axis, pad_below(kernel, loop->body, left, limit)}, item.when});
    } else if (const Store* store = item.store(); store && missing.empty()) {
      result.push_back(padded(kernel, item, *store, limit));
    } else {
      result.push_back(item);
    }
  }
  return result;
}

// How one limit divides at a loop: full tiles while `rest` (the index with the tile's own axes at
// 0) leaves room for `span` more, and one ragged tile at rest == `full`, which has `left` elements.
struct Peel {
  Limit limit;
  Var at;                 // the loop whose last iteration is ragged
  std::vector<Var> tile;  // axes of the limit inside it
  std::int64_t span;      // elements of a tile, less one
  std::int64_t full, left;
};

bool runs_whole(Tag tag) { return tag == Tag::unroll || tag == Tag::vector; }

// Chooses the loop to peel along one path: the innermost of the limit's loops that is not unrolled
// or a vector, if all of its tile lies inside it and tiles begin at multiples of their size.
std::optional<Peel> choose(const Kernel& kernel, const Limit& limit, const Path& path) {
  if (!limit.index.is_affine() || limit.index.constant() != 0) return {};
  std::vector<Var> around;
  for (Var v : path)
    if (limit.index.coefficient(v) != 0) around.push_back(v);
  if (around.size() != vars_of(limit.index).size()) return {};
  while (!around.empty() && runs_whole(axis_of(kernel, around.back()).tag)) around.pop_back();
  if (around.empty()) return {};
  Peel peel{limit, around.back(), {}, 0, 0, 0};
  const std::int64_t step = limit.index.coefficient(peel.at);
  for (Var v : vars_of(limit.index)) {
    const std::int64_t coefficient = limit.index.coefficient(v);
    if (coefficient < 0) return {};
    if (v == peel.at) continue;
    if (contains(around, v)) {
      if (coefficient % step != 0) return {};
      continue;
    }
    peel.tile.push_back(v);
    peel.span += coefficient * (axis_of(kernel, v).extent - 1);
  }
  if (peel.tile.empty() || peel.span >= step) return {};
  peel.full = limit.bound / step * step;
  peel.left = limit.bound - peel.full;
  return peel;
}

// Is anything below done in one iteration of the axis alone?
bool singles_out(const std::vector<Item>& items, Var v) {
  return std::any_of(items.begin(), items.end(), [&](const Item& item) {
    return std::any_of(item.when.begin(), item.when.end(),
                       [&](const Range& range) {
                         return range.high == range.low + 1 && range.index.uses(v);
                       }) ||
           (item.loop() && singles_out(item.loop()->body, v));
  });
}

// The items without conditions that hold wherever `start + span < bound`.
std::vector<Item> without_met(const Kernel& kernel, std::vector<Item> items, const Index& start,
                              std::int64_t span, std::int64_t bound) {
  const VarBounds bounds_of = kernel.bounds();
  const auto is_met = [&](const Range& range) {
    const Bounds distance = bounds(range.index - start, bounds_of);
    return range.low <= 0 && range.high >= bound && distance.low >= 0 && distance.high <= span;
  };
  const auto read = [&](const Load& load) -> ValueRef {
    Load copy = load;
    std::erase_if(copy.inside, is_met);
    if (copy.inside.size() == load.inside.size()) return nullptr;
    return std::make_shared<Value>(
        Value{std::move(copy), kernel.tensors[static_cast<std::size_t>(load.tensor)].type});
  };
  for (Item& item : items) {
    std::erase_if(item.when, is_met);
    if (Loop* loop = item.loop())
      loop->body = without_met(kernel, std::move(loop->body), start, span, bound);
    if (Store* store = item.store()) {
      store->value = map_loads(store->value, read);
      if (store->factor) store->factor = map_loads(store->factor, read);
    }
  }
  return items;
}

class Peeler {
 public:
  explicit Peeler(Kernel& kernel) : kernel_(kernel) {}

  void run(const Limit& limit) {
    limit_ = limit;
    kernel_.body = rewrite(kernel_.body);
    if (!peeled_ || unpeeled_) {  // it does not speak of what was peeled
      kernel_.limits.push_back(limit);
      kernel_.limits.back().tail = Tail::mask;
    }
  }

 private:
  // The deepest path below this item that is inside all loops of the limit.
  std::optional<Path> full_path(const Item& item) const {
    std::optional<Path> found;
    Path path = path_;
    const std::function<void(const Item&)> down = [&](const Item& at) {
      const Loop* loop = at.loop();
      if (!loop || found) return;
      path.push_back(loop->axis);
      const std::vector<Var> vars = vars_of(limit_.index);
      if (std::all_of(vars.begin(), vars.end(), [&](Var v) { return contains(path, v); }))
        found = path;
      else
        for (const Item& below : loop->body) down(below);
      path.pop_back();
    };
    down(item);
    return found;
  }

  std::vector<Item> rewrite(const std::vector<Item>& items) {
    std::vector<Item> result;
    for (const Item& item : items) {
      const Loop* loop = item.loop();
      if (!loop) {
        result.push_back(item);
        continue;
      }
      const auto path = full_path(item);
      const auto peel = path ? choose(kernel_, limit_, *path) : std::nullopt;
      if (!peel || peel->at != loop->axis || singles_out(loop->body, loop->axis)) {
        if (path && (!peel || peel->at == loop->axis)) unpeeled_ = true;
        path_.push_back(loop->axis);
        result.push_back({Loop{loop->axis, rewrite(loop->body)}, item.when});
        path_.pop_back();
        continue;
      }
      peeled_ = true;
      for (Item& part : divide(item, *loop, *peel)) result.push_back(std::move(part));
    }
    return result;
  }

  // The full tiles under a new axis, whose own limit bounds it, and the ragged tile.
  std::vector<Item> divide(const Item& item, const Loop& loop, const Peel& peel) {
    const Axis axis = axis_of(kernel_, peel.at);
    const std::vector<KernelTensor> before = kernel_.tensors;
    const std::int64_t step = limit_.index.coefficient(peel.at);
    std::vector<Item> parts;
    std::map<Var, Index> full_names, ragged_names, known;
    // Where no other loop moves the tile, the full ones are simply fewer.
    const bool is_alone = vars_of(limit_.index).size() == peel.tile.size() + 1;
    const Var whole =
        kernel_.add_axis(axis.name + "'", is_alone ? peel.full / step : axis.extent, axis.tag);
    full_names[peel.at] = Index::var(whole);
    std::vector<Range> last = item.when;
    std::int64_t rest = peel.full;
    for (Var v : by_coefficient()) {
      if (contains(peel.tile, v)) continue;
      const std::int64_t coefficient = limit_.index.coefficient(v);
      const std::int64_t digit = rest / coefficient;
      rest -= digit * coefficient;
      if (v == peel.at)
        ragged_names[v] = Index(digit);
      else if (axis_of(kernel_, v).extent > 1)
        last.push_back({Index::var(v), digit, digit + 1});
      if (v != peel.at) known[v] = Index(digit);
    }
    // New axes for the tile in both parts, so that the old limit speaks of neither.
    Index inner;
    std::int64_t left = peel.left;
    for (Var v : by_coefficient()) {
      if (!contains(peel.tile, v)) continue;
      const Axis old = axis_of(kernel_, v);
      const std::int64_t coefficient = limit_.index.coefficient(v);
      full_names[v] = Index::var(kernel_.add_axis(old.name + "'", old.extent, old.tag));
      const std::int64_t needed = std::min(old.extent, (left + coefficient - 1) / coefficient);
      const std::int64_t kept = old.tag == Tag::vector ? old.extent : needed;
      const Var ragged = kernel_.add_axis(old.name + ".tail", kept, old.tag);
      ragged_names[v] = Index::var(ragged);
      inner = inner + Index::var(ragged) * coefficient;
    }
    copy_limits(full_names);
    copy_limits(ragged_names);
    Index start = limit_.index;
    for (Var v : peel.tile) start = start - Index::var(v) * limit_.index.coefficient(v);
    start = start - Index::var(peel.at) * step + Index::var(whole) * step;
    if (peel.full > 0) {
      if (!is_alone) kernel_.limits.push_back({start, limit_.bound - peel.span, Tail::mask});
      std::vector<Item> full =
          without_met(kernel_, renamed(loop.body, full_names), start, peel.span, limit_.bound);
      for (std::size_t t = 0; t < before.size(); ++t)
        if (!uses_of(loop.body, static_cast<int>(t)).empty())
          kernel_.tensors[t].scope = scope_in(before[t], full_names);
      parts.push_back({Loop{whole, std::move(full)}, item.when});
    }
    if (peel.left > 0) {
      std::int64_t reach = 0;
      for (const Index::Term& term : inner.terms())
        reach += term.coefficient * (axis_of(kernel_, term.var).extent - 1);
      if (reach >= peel.left) kernel_.limits.push_back({inner, peel.left, Tail::mask});
      std::vector<Item> ragged =
          with_own_locals(renamed(loop.body, ragged_names), loop.body, before, ragged_names);
      ragged = map_indices(ragged, [&](const Index& index) { return rename(index, known); });
      for (Item& below : ragged) {
        below.when.insert(below.when.begin(), last.begin(), last.end());
        parts.push_back(std::move(below));
      }
    }
    return parts;
  }

  // Other limits over axes that get new names hold for those too. (The axes of two limits are
  // nested or disjoint; one without an axis of the tile is met by the conditions on the ragged
  // part.)
  void copy_limits(const std::map<Var, Index>& names) {
    const std::size_t count = kernel_.limits.size();
    for (std::size_t i = 0; i < count; ++i) {
      Limit copy = kernel_.limits[i];
      copy.index = rename(copy.index, names);
      const bool is_new = std::any_of(names.begin(), names.end(), [&](const auto& name) {
        return name.second.as_var() && copy.index.uses(*name.second.as_var());
      });
      if (is_new) kernel_.limits.push_back(std::move(copy));
    }
  }

  // Locals that live within one iteration of the divided loop are doubled: the ragged tile, which
  // has no loop, keeps them beside it.
  std::vector<Item> with_own_locals(std::vector<Item> ragged, const std::vector<Item>& original,
                                    const std::vector<KernelTensor>& before,
                                    const std::map<Var, Index>& names) {
    for (std::size_t t = 0; t < before.size(); ++t) {
      const int tensor = static_cast<int>(t);
      if (is_argument(kernel_, tensor)) continue;
      const std::vector<Use> all = uses_of(kernel_.body, tensor), here = uses_of(original, tensor);
      if (here.empty() || all.size() != here.size()) continue;
      KernelTensor copy = before[t];
      copy.scope = scope_in(copy, names);
      copy.name = kernel_.unused_name(copy.name + ".tail");
      kernel_.tensors.push_back(std::move(copy));
      ragged = retarget(ragged, tensor, static_cast<int>(kernel_.tensors.size()) - 1);
    }
    return ragged;
  }

  // Where a local is allocated after a renaming of axes; that of an axis without a loop is the loop
  // around it.
  std::optional<Var> scope_in(const KernelTensor& tensor, const std::map<Var, Index>& names) const {
    const auto place = tensor.scope ? names.find(*tensor.scope) : names.end();
    if (place == names.end()) return tensor.scope;
    if (const auto axis = place->second.as_var()) return axis;
    return path_.empty() ? -1 : path_.back();
  }

  static std::vector<Item> retarget(const std::vector<Item>& items, int from, int to) {
    return map_stores(items, [&](const Item& item, const Store& store) {
      Store copy = store;
      if (copy.tensor == from) copy.tensor = to;
      copy.value = with_tensor(store.value, from, to);
      copy.factor = with_tensor(store.factor, from, to);
      copy.computed = with_tensor(store.computed, from, to);
      return Item{std::move(copy), item.when};
    });
  }

  std::vector<Var> by_coefficient() const {
    std::vector<Var> vars = vars_of(limit_.index);
    std::sort(vars.begin(), vars.end(), [&](Var a, Var b) {
      return limit_.index.coefficient(a) > limit_.index.coefficient(b);
    });
    return vars;
  }

  // The items with axes renamed, in loops and in indices. An axis that became a number has no loop
  // below.
  std::vector<Item> renamed(const std::vector<Item>& items, const std::map<Var, Index>& names) {
    std::vector<Item> result =
        map_indices(items, [&](const Index& index) { return rename(index, names); });
    rename_loops(result, names);
    return result;
  }

  Index rename(const Index& index, const std::map<Var, Index>& names) const {
    return substitute(
        index,
        [&](Var v) {
          const auto place = names.find(v);
          return place == names.end() ? Index::var(v) : place->second;
        },
        kernel_.bounds());
  }

  static void rename_loops(std::vector<Item>& items, const std::map<Var, Index>& names) {
    for (Item& item : items) {
      Loop* loop = item.loop();
      if (!loop) continue;
      if (const auto place = names.find(loop->axis); place != names.end())
        loop->axis = *place->second.as_var();
      rename_loops(loop->body, names);
    }
  }

  Kernel& kernel_;
  Limit limit_;
  Path path_;
  bool peeled_ = false, unpeeled_ = false;
};

}  // namespace

Kernel pad_tails(const Kernel& kernel) {
  Kernel result = kernel;
  result.limits.clear();
  for (const Limit& limit : kernel.limits) {
    if (limit.tail != Tail::pad) {
      result.limits.push_back(limit);
      continue;
    }
    result.body =
        pad_below(result, result.body, vars_of(limit.index), {limit.index, 0, limit.bound});
  }
  return result;
}

Kernel peel_tails(const Kernel& kernel) {
  Kernel result = kernel;
  while (true) {
    const auto next = std::find_if(result.limits.begin(), result.limits.end(),
                                   [](const Limit& limit) { return limit.tail == Tail::peel; });
    if (next == result.limits.end()) return result;
    Limit limit = std::move(*next);
    result.limits.erase(next);
    Peeler(result).run(limit);
  }
}

}  // namespace tenon
