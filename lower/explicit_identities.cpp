#include <algorithm>
#include <ranges>

#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class Pass {
 public:
  explicit Pass(const Kernel& kernel) : kernel_(kernel) {}

  std::vector<Item> run(const std::vector<Item>& items) {
    std::vector<Item> result;
    for (const Item& item : items) {
      way_.push_back(&item);
      begun_.emplace_back();
      Item rebuilt = item;
      if (Loop* loop = rebuilt.loop()) loop->body = run(item.loop()->body);
      if (Store* store = rebuilt.store()) {
        // A sum over nothing has one term, added to what is there.
        if (store->combine && store->initial && !store->over.empty()) begin(*store);
        store->initial = false;
      }
      append(result, begun_.back());
      result.push_back(std::move(rebuilt));
      way_.pop_back();
      begun_.pop_back();
    }
    return result;
  }

 private:
  Var axis(std::size_t depth) const { return way_[depth]->loop()->axis; }

  // The depth before which an accumulation begins: the outermost of adjacent loops that it is added
  // up over, below which there are only such loops and those that index the target. But a tile of a
  // loop begins inside that loop, and a matrix instruction adds to what an outer loop has begun.
  std::size_t depth_of(const Store& store) const {
    const auto is_summed = [&](std::size_t depth) { return contains(store.over, axis(depth)); };
    const auto continues = [&](std::size_t depth) {
      return is_summed(depth) || (kernel_.axes[axis(depth)].tag == Tag::mma &&
                                  std::ranges::any_of(std::views::iota(0UL, depth), is_summed));
    };
    bool only_target = true;  // do all loops further in index the target, or add up?
    std::size_t depth = way_.size() - 1;
    for (; depth > 0; depth--) {
      if (kernel_.tensors[store.tensor].scope == axis(depth - 1)) break;
      if (way_[depth]->store()) continue;
      if (is_summed(depth)) {
        if (!only_target || !continues(depth - 1)) break;
      } else {
        const auto uses = [&](const Index& index) { return index.uses(axis(depth)); };
        only_target = only_target && std::ranges::any_of(store.at, uses);
      }
    }
    return depth;
  }

  // The store of the identity under copies of the loops that index the target, for every iteration
  // in which the accumulation begins: the loops around it that it is added up over are all at 0.
  void begin(const Store& store) {
    const std::size_t depth = depth_of(store);
    std::vector<Var> copies;
    std::vector<Range> conditions, starts;
    for (std::size_t d = 0; d < way_.size(); d++) {
      const bool is_summed = way_[d]->loop() && contains(store.over, axis(d));
      if (d < depth) {
        if (is_summed && kernel_.extent(axis(d)) > 1) starts.push_back({Index::var(axis(d)), 0, 1});
        continue;
      }
      if (way_[d]->loop() && !is_summed) copies.push_back(axis(d));
      for (const Range& range : way_[d]->when)
        if (std::ranges::none_of(store.over, [&](Var v) { return range.index.uses(v); }))
          conditions.push_back(range);
    }
    const Type type = kernel_.tensors[store.tensor].type;
    const ValueRef value = make_value(Constant{identity(*store.combine, type)}, type);
    Item nest = wrap({{Store{{store.tensor, store.at}, value}, conditions}}, copies).front();
    append(nest.when, starts);
    begun_[depth].push_back(std::move(nest));
  }

  const Kernel& kernel_;
  std::vector<const Item*> way_;          // the items around the one looked at, and it
  std::vector<std::vector<Item>> begun_;  // stores of the identity, which stand before each of them
};

}  // namespace

Kernel explicit_identities(const Kernel& kernel) {
  Kernel result = kernel;
  result.body = Pass(kernel).run(kernel.body);
  return result;
}

}  // namespace tenon
