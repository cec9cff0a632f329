#include <algorithm>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {

// A condition that varies with the statement's lanes is a mask; the others are a branch.
void Emission::statement(const Item& item, std::span<const Range> conditions) {
  const Store* store = item.store();
  const auto* line = std::get_if<Prefetch>(&item.what);
  const std::vector<Var>& lanes = store ? store->lanes : line->lanes;
  std::vector<Range> branches, masks;
  for (const Range& range : conditions) {
    const auto uses = [&](Var lane) { return range.index.uses(lane); };
    (std::ranges::any_of(lanes, uses) ? masks : branches).push_back(range);
  }
  when(all_hold(branches), [&] {
    if (lanes.size() == 2) return transpose(*store, masks);
    at_lanes(lanes.empty() ? -1 : lanes[0], masks, [&] {
      if (store)
        this->store(*store);
      else
        prefetch(*line);
    });
  });
}

void Emission::at_lanes(Var axis, std::span<const Range> masks, const std::function<void()>& body) {
  if (axis >= 0) indices_.state.lanes = {axis, static_cast<int>(kernel_.extent(axis))};
  mask_ = all_hold(masks);
  body();
  mask_ = nullptr;
  values_.clear();
  indices_.state.lanes = {};
}

void Emission::store(const Store& store) {
  const Type type = kernel_.tensors[store.tensor].type;
  const Access target = access(store);
  llvm::Value* result = value(store.value);
  llvm::Value* touch = both(mask_, target.valid);
  if (store.combine) {
    llvm::Value* before = read_memory(target, touch, nullptr);
    if (store.factor) {
      const auto x = alike({result, value(store.factor), before});
      result = builder_.CreateIntrinsic(x[0]->getType(), llvm::Intrinsic::fma, x);
    } else {
      result = combine(*store.combine, type, before, result);
    }
  }
  write(target, result, touch, store.stream);
}

void Emission::prefetch(const Prefetch& prefetch) {
  constexpr int line = 64;  // bytes
  const Access target = access(prefetch);
  const std::int64_t stride = target.index.stride, lanes = indices_.state.lanes.count;
  const std::int64_t apart = std::abs(stride) * info(kernel_.tensors[prefetch.tensor].type).bytes;
  const std::int64_t step = apart == 0 ? lanes : std::max<std::int64_t>(1, line / apart);
  for (std::int64_t lane = 0; lane < lanes; lane += step) {
    llvm::Value* place = address(target, lane * stride);
    builder_.CreateIntrinsic(
        llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
        {place, builder_.getInt32(0), builder_.getInt32(3), builder_.getInt32(1)});
  }
}

}  // namespace tenon
