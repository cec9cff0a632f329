#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/ranges.h"
#include "lower/passes.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr std::int64_t most_register_bytes = 8192;  // more would only be spilled
constexpr std::size_t alignment = 64;               // bytes

// One use of a local: its subscripts, the loops around it, and which loops these are.
struct Place {
  std::vector<Index> at;
  Path path;
  std::vector<const Loop*> loops;
  std::vector<Var> over;  // axes that an accumulation into it survives
  bool folds = false;     // reads all lanes of the last axis
};

class Collect {
 public:
  Collect(const Kernel& kernel, int tensor) : kernel_(kernel), tensor_(tensor) {
    below(kernel.body);
  }
  std::vector<Place> places;

 private:
  void below(const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (const Store* store = item.store()) statement(*store);
      const Loop* loop = item.loop();
      if (!loop) continue;
      path_.push_back(loop->axis);
      loops_.push_back(loop);
      below(loop->body);
      path_.pop_back();
      loops_.pop_back();
    }
  }

  void statement(const Store& store) {
    visit_loads(store, [&](const Load& load) {
      if (load.tensor != tensor_) return;
      const bool folds = load.at.size() < rank();
      places.push_back({load.at, path_, loops_, {}, folds});
      if (folds) places.back().at.push_back(Index(0));
    });
    if (store.tensor == tensor_)
      places.push_back({store.at, path_, loops_, store.combine ? store.over : std::vector<Var>{}});
  }

  std::size_t rank() const { return kernel_.tensors[tensor_].extents.size(); }

  const Kernel& kernel_;
  int tensor_;
  Path path_;
  std::vector<const Loop*> loops_;
};

bool moves_alike(const Place& a, const Place& b, Var v) {
  for (std::size_t d = 0; d < a.at.size(); ++d)
    if (a.at[d].coefficient(v) != b.at[d].coefficient(v) || a.at[d].uses(v) != b.at[d].uses(v))
      return false;
  return true;
}

// The axes around the innermost place that holds all uses and outlives every accumulation.
Path scope_of(const KernelTensor& tensor, const std::vector<Place>& places) {
  const Place& first = places.front();
  if (tensor.scope) {
    const auto at = std::ranges::find(first.path, *tensor.scope);
    check(*tensor.scope < 0 || at != first.path.end(), "a staged tile is used outside its loop");
    return *tensor.scope < 0 ? Path() : Path(first.path.begin(), at + 1);
  }
  std::size_t common = first.loops.size();
  for (const Place& place : places) {
    std::size_t same = 0;
    while (same < std::min(common, place.loops.size()) && place.loops[same] == first.loops[same])
      ++same;
    common = same;
  }
  for (const Place& place : places)
    for (std::size_t d = 0; d < common; ++d)
      if (contains(place.over, place.path[d])) common = d;
  // What one iteration stores and another reads outlives both.
  for (const Place& place : places)
    for (std::size_t d = 0; d < common; ++d)
      if (!moves_alike(first, place, first.path[d])) common = d;
  return Path(first.path.begin(), first.path.begin() + static_cast<std::ptrdiff_t>(common));
}

// The scope without its vector axes and what is inside them: the lanes run side by side, so each
// needs its own element.
Path outside_vectors(const Kernel& kernel, Path scope) {
  const auto vector =
      std::ranges::find_if(scope, [&](Var v) { return kernel.axes[v].tag == Tag::vector; });
  scope.erase(vector, scope.end());
  return scope;
}

// What of an index stands still inside the scope; nothing where a division mixes both.
std::optional<Index> still_part(const Index& index, const Path& scope) {
  Index still;
  for (const Index::Term& term : index.terms()) {
    std::vector<Var> vars;
    Index::of(term).collect(vars);
    const auto inside = std::ranges::count_if(vars, [&](Var v) { return contains(scope, v); });
    if (inside == static_cast<std::ptrdiff_t>(vars.size()))
      still = still + Index::of(term);
    else if (inside != 0)
      return {};
  }
  return still;
}

// How an axis of a local shrinks: subscripts lose `offset`, and reach `extent` elements.
struct Shrink {
  Index offset;
  std::int64_t extent;
};
Shrink shrink(const Kernel& kernel, const std::vector<Place>& places, std::size_t d,
              std::int64_t logical, const Path& scope) {
  const VarBounds bounds_of = kernel.bounds();
  std::optional<Index> still;
  Bounds reach{0, 0};
  for (const Place& place : places) {
    const auto part = still_part(place.at[d], scope);
    if (!part || (still && !(*part == *still))) return {Index(0), logical};
    const Bounds here = bounds(place.at[d] - *part, bounds_of);
    reach = still ? Bounds{std::min(reach.low, here.low), std::max(reach.high, here.high)} : here;
    still = part;
  }
  const std::int64_t extent = std::max<std::int64_t>(reach.high - reach.low + 1, 0);
  return {*still + Index(reach.low), extent};
}

bool is_known_when_unrolled(const Kernel& kernel, const Index& index) {
  std::vector<Var> vars;
  index.collect(vars);
  return std::ranges::all_of(vars, [&](Var v) {
    const Axis& axis = kernel.axes[v];
    return axis.extent == 1 || axis.tag == Tag::unroll || axis.tag == Tag::vector;
  });
}

// The axes of a local in the order in which it is laid out: those that vectors run along last.
std::vector<std::size_t> layout(const Kernel& kernel, const std::vector<Place>& places) {
  std::vector<std::size_t> order, last;
  for (std::size_t d = 0; d < places.front().at.size(); ++d) {
    std::vector<Var> vars;
    places.front().at[d].collect(vars);
    const bool has_vector =
        std::ranges::any_of(vars, [&](Var v) { return kernel.axes[v].tag == Tag::vector; });
    (has_vector ? last : order).push_back(d);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

// Every subscript of the tensor moved by the offsets, and in the new order.
std::vector<Item> moved(const Kernel& kernel, const std::vector<Item>& items, int tensor,
                        const std::vector<Shrink>& shrinks, const std::vector<std::size_t>& order) {
  const auto move = [&](std::vector<Index>& at) {
    const std::vector<Index> old = at;
    for (std::size_t d = 0; d < at.size(); ++d) at[d] = old[order[d]] - shrinks[order[d]].offset;
  };
  const Type type = kernel.tensors[tensor].type;
  const auto read = [&](const Load& load) -> ValueRef {
    if (load.tensor != tensor) return nullptr;
    Load copy = load;
    move(copy.at);
    return std::make_shared<Value>(Value{std::move(copy), type});
  };
  return map_stores(items, [&](const Item& item, const Store& store) {
    Store copy = store;
    if (store.tensor == tensor) move(copy.at);
    copy.value = map_folds(map_loads(store.value, read), [&](const Fold& fold) -> ValueRef {
      if (fold.tensor != tensor) return nullptr;
      Fold changed = fold;
      move(changed.at);
      return std::make_shared<Value>(Value{std::move(changed), type});
    });
    copy.factor = store.factor ? map_loads(store.factor, read) : nullptr;
    copy.computed = store.computed ? map_loads(store.computed, read) : nullptr;
    return Item{std::move(copy), item.when};
  });
}

}  // namespace

FinishedKernel place_locals(const Kernel& kernel) {
  FinishedKernel finished{kernel, {}, 0, 0};
  Kernel& result = finished.kernel;
  for (std::size_t t = 0; t < result.tensors.size(); ++t) {
    finished.placement.emplace_back();
    if (result.tensors[t].where == Where::argument) continue;
    const int id = static_cast<int>(t);
    const std::vector<Place> places = Collect(result, id).places;
    KernelTensor& tensor = result.tensors[t];
    if (places.empty()) {
      tensor.extents.assign(tensor.extents.size(), 0);
      continue;
    }
    const Path scope = outside_vectors(result, scope_of(tensor, places));
    std::vector<Shrink> shrinks;
    std::int64_t size = info(tensor.type).bytes;
    bool known = true;
    const bool is_folded =
        std::ranges::any_of(places, [](const Place& place) { return place.folds; });
    for (std::size_t d = 0; d < tensor.extents.size(); ++d) {
      shrinks.push_back(shrink(result, places, d, tensor.extents[d], scope));
      if (d + 1 == tensor.extents.size() && is_folded)
        shrinks.back() = {Index(0), tensor.extents[d]};
      size *= shrinks.back().extent;
      for (const Place& place : places)
        known = known && is_known_when_unrolled(result, place.at[d] - shrinks.back().offset);
    }
    std::vector<std::size_t> order(tensor.extents.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (!tensor.scope && !is_folded) order = layout(result, places);  // a stage has its own layout
    result.body = moved(result, result.body, id, shrinks, order);
    for (std::size_t d = 0; d < order.size(); ++d) tensor.extents[d] = shrinks[order[d]].extent;
    tensor.scope = scope.empty() ? -1 : scope.back();
    // Registers are a thread's own.
    const bool is_shared = std::ranges::any_of(places, [&](const Place& place) {
      return std::any_of(place.path.begin() + std::ssize(scope), place.path.end(),
                         [&](Var v) { return result.axes[v].tag == Tag::parallel; });
    });
    if (is_shared)
      tensor.where = Where::heap;
    else if (tensor.where == Where::heap && !tensor.fixed && known && size <= most_register_bytes)
      tensor.where = Where::reg;
    if (tensor.where == Where::reg) continue;
    const bool per_thread =
        std::ranges::any_of(scope, [&](Var v) { return result.axes[v].tag == Tag::parallel; });
    std::size_t& used = per_thread ? finished.thread_scratch : finished.shared_scratch;
    finished.placement[t] = {static_cast<std::ptrdiff_t>(used), per_thread};
    used += (static_cast<std::size_t>(size) + alignment - 1) / alignment * alignment;
  }
  return finished;
}

}  // namespace tenon
