// explicit_identities: every accumulation gets a store of its identity before it.
//
//   for i 8                                for i 8
//     for k 32                               s[i] = 0
//       s[i] += x[i,k] over k       ->       for k 32
//                                              s[i] += x[i,k]
#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class Pass {
 public:
  explicit Pass(const Kernel& kernel) : kernel_(kernel) {}

  std::vector<Item> run(const std::vector<Item>& items) {
    return flat_mapped(items, [&](Item item) {
      way_.push_back(&item);
      begun_.emplace_back();
      if (Loop* loop = item.loop()) loop->body = run(loop->body);
      if (Store* store = item.store()) {
        // A sum over no axes is one term that is added to what is there.
        if (store->combine && store->initial && !store->over.empty()) begin(*store);
        store->initial = false;
      }
      std::vector<Item> result = std::move(begun_.back());
      result.push_back(std::move(item));
      way_.pop_back();
      begun_.pop_back();
      return result;
    });
  }

 private:
  Var axis(std::size_t depth) const { return way_[depth]->loop()->axis; }

  // The depth of the item before which the identity is stored. It is the outermost of the adjacent
  // loops that the accumulation runs over, if these loops hold only each other and loops that index
  // the target, and else the innermost of them. There is one exception: a tile begins inside the
  // loop that it is allocated in.
  std::size_t depth_of(const Store& store) const {
    const auto is_summed = [&](std::size_t depth) { return contains(store.over, axis(depth)); };
    bool only_target = true;  // do all loops further in index the target, or add up?
    std::size_t depth = way_.size() - 1;
    for (; depth > 0; depth--) {
      if (kernel_.tensors[store.tensor].scope == axis(depth - 1)) break;
      if (way_[depth]->store()) continue;
      if (is_summed(depth) && !(only_target && is_summed(depth - 1))) break;
      only_target = only_target && (is_summed(depth) || uses(store.at, axis(depth)));
    }
    return depth;
  }

  // Adds the store of the identity, in copies of the loops from that depth on that index the
  // target. It runs where the accumulation begins: in the iterations in which all loops around it
  // that are accumulated over are at 0.
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
        if (!range.index.uses_any(store.over)) conditions.push_back(range);
    }
    const Type type = kernel_.tensors[store.tensor].type;
    const ValueRef value = make_value(Constant{identity(*store.combine, type)}, type);
    Item nest = wrap({{Store{{store.tensor, store.at}, value}, conditions}}, copies).front();
    append(nest.when, starts);
    begun_[depth].push_back(std::move(nest));
  }

  const Kernel& kernel_;
  std::vector<const Item*> way_;          // the items around the current one, and itself
  std::vector<std::vector<Item>> begun_;  // for each of them, the stores that go before it
};

}  // namespace

Kernel explicit_identities(Kernel kernel) {
  kernel.body = Pass(kernel).run(kernel.body);
  return kernel;
}

}  // namespace tenon
