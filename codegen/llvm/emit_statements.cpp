#include <algorithm>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"
#include "lower/tree.h"

namespace tenon {

// The longest vector that a statement is emitted for; what is longer goes piece by piece. Beyond a
// register LLVM splits, except for fma128: 32-byte registers are there, and would be used.
int Emission::widest_piece() const { return isa_ == Isa::fma128 ? 4 : 64; }

// Of the vector axes, the one whose lanes become vectors: consecutive in the target where one is.
// -1: none, where lanes might meet in one place.
Var Emission::active_axis(const Item& item) {
  const tenon::Access& access = *access_in(item.what);
  if (vector_axes_.empty() || access.computed) return -1;
  const Index target = flat(kernel_.tensors[access.tensor], access.at);
  for (const Var axis : vector_axes_)
    if (target.coefficient(axis) == 1) return axis;
  return vector_axes_.back();
}

void Emission::statement(const Item& item) {
  const std::optional<Turn> turned = turn(item);
  if (!turned) return for_lanes(vector_axes_, active_axis(item), [&] { statement_at_lanes(item); });
  std::vector<Var> others = vector_axes_;
  std::erase_if(others, [&](Var axis) { return axis == turned->row || axis == turned->column; });
  for_lanes(others, -1, [&] { transpose(*item.store(), *turned); });
}

// Goes through the values of all the axes but the active one, and through its pieces.
void Emission::for_lanes(std::span<const Var> axes, Var active, const std::function<void()>& body) {
  if (axes.empty()) return body();
  const Var axis = axes.front();
  const std::int64_t extent = kernel_.axes[axis].extent;
  const std::int64_t piece = axis == active ? widest_piece() : 1;
  for (std::int64_t first = 0; first < extent; first += piece) {
    const auto count = static_cast<int>(std::min(piece, extent - first));
    if (count == 1) {
      indices_.set_constant(axis, first);
    } else {
      indices_.set_lanes(axis);
      indices_.state.lanes = {axis, first, count};
    }
    for_lanes(axes.subspan(1), active, body);
    if (count > 1) indices_.state.lanes = {};
    indices_.set_lanes(axis);
  }
}

void Emission::statement_at_lanes(const Item& item) {
  const std::vector<Range> conditions = std::exchange(lane_conditions_, {});
  when(conditions, [&] {
    mask_ = all_hold(lane_conditions_);
    if (body_.edge) {
      llvm::Value* first = indices_.uniform(indices_.linear(body_.edge->element));
      llvm::Value* left = builder_.CreateSub(body_.edge->end, first);
      llvm::Value* lane = indices_.vector({.stride = 1}, builder_.getInt64Ty());
      mask_ = both(mask_, builder_.CreateICmpSLT(lane, widen(left)));
    }
    if (const Store* store = item.store())
      this->store(*store);
    else
      prefetch(std::get<Prefetch>(item.what));
    mask_ = nullptr;
    values_.clear();
  });
  lane_conditions_ = conditions;
}

void Emission::store(const Store& store) {
  const Type type = kernel_.tensors[store.tensor].type;
  const Access target = access(store);
  llvm::Value* result = value(store.value);
  llvm::Value* touch = both(mask_, target.valid);
  if (store.combine) {
    check(!store.initial, "an accumulation whose start finish() has not written");
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
    llvm::Value* place = address(target.place(lane * stride));
    builder_.CreateIntrinsic(
        llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
        {place, builder_.getInt32(0), builder_.getInt32(3), builder_.getInt32(1)});
  }
}

}  // namespace tenon
