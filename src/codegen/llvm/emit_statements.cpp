#include <algorithm>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"

namespace tenon {

// The longest vector that a statement is emitted for; what is longer goes piece by piece. Beyond a
// register LLVM splits, except for fma128: 32-byte registers are there, and would be used.
int Emission::widest_piece() const { return isa_ == Isa::fma128 ? 4 : 64; }

// Of the vector axes, the one whose lanes become vectors: consecutive in the target where one is.
// -1: none, where lanes might meet in one place.
Var Emission::active_axis(const Item& item) {
  const Store* store = item.store();
  if (vector_axes_.empty() || (store && store->computed)) return -1;
  if (store) {
    const Index target = flat(store->tensor, store->at);
    for (const Var axis : vector_axes_) {
      if (target.coefficient(axis) == 1) return axis;
    }
  }
  return vector_axes_.back();
}

void Emission::statement(const Item& item) {
  const std::optional<Turn> turned = turn(item);
  if (!turned) return for_lanes(item, vector_axes_, active_axis(item));
  std::vector<Var> others = vector_axes_;
  std::erase_if(others, [&](Var axis) { return axis == turned->row || axis == turned->column; });
  for_each(others, [&] { transpose(*item.store(), *turned); });
}

// Goes through all values of the axes, as constants.
void Emission::for_each(std::span<const Var> axes, const std::function<void()>& body) {
  if (axes.empty()) return body();
  for (std::int64_t i = 0; i < kernel_.axes[axes[0]].extent; i++) {
    indices_.set_constant(axes[0], i);
    for_each(axes.subspan(1), body);
  }
  indices_.set_lanes(axes[0]);
}

// Goes through the values of all vector axes but the active one, and through its pieces.
void Emission::for_lanes(const Item& item, std::span<const Var> axes, Var active) {
  if (axes.empty()) return statement_at_lanes(item);
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
    for_lanes(item, axes.subspan(1), active);
    if (count > 1) indices_.state.lanes = {};
    indices_.set_lanes(axis);
  }
}

void Emission::statement_at_lanes(const Item& item) {
  std::vector<Range> uniform, varying;
  for (const Range& range : lane_conditions_) {
    (indices_.has_lanes(range.index) ? varying : uniform).push_back(range);
  }
  when(all_hold(uniform), [&] {
    mask_ = all_hold(varying);
    if (const Store* store = item.store()) {
      this->store(*store);
    } else {
      prefetch(std::get<Prefetch>(item.what));
    }
    mask_ = nullptr;
    values_.clear();
  });
}

void Emission::store(const Store& store) {
  const Type type = kernel_.tensors[store.tensor].type;
  const Access target = access(store.tensor, store.at, store.computed_axis, store.computed);
  llvm::Value* result = value(store.value);
  llvm::Value* touch = both(mask_, target.valid);
  if (store.combine) {
    check(!store.initial, "an accumulation whose start finish() has not written");
    llvm::Value* before = read_memory(target, touch, nullptr);
    if (store.factor) {
      llvm::Value* factor = value(store.factor);
      const bool is_vector = has_lanes();
      const auto all = [&](llvm::Value* v) { return is_vector ? widen(v) : v; };
      result =
          builder_.CreateIntrinsic(is_vector ? all(before)->getType() : before->getType(),
                                   llvm::Intrinsic::fma, {all(result), all(factor), all(before)});
    } else {
      result = combine(*store.combine, type, before, result);
    }
  }
  write(target, result, touch, store.stream);
}

void Emission::prefetch(const Prefetch& prefetch) {
  constexpr int line = 64;  // bytes
  Access target = access(prefetch.tensor, prefetch.at, -1, nullptr);
  const int bytes = info(kernel_.tensors[prefetch.tensor].type).bytes;
  const std::int64_t lanes = target.index.stride == 0 ? 1 : indices_.state.lanes.count;
  const std::int64_t stride = std::max<std::int64_t>(1, std::abs(target.index.stride));
  const std::int64_t step = std::max<std::int64_t>(1, line / (bytes * stride));  // lanes a line
  const std::int64_t first = target.index.constant;
  for (std::int64_t lane = 0; lane < lanes; lane += step) {
    target.index.constant = first + lane * target.index.stride;
    builder_.CreateIntrinsic(
        llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
        {address(target), builder_.getInt32(0), builder_.getInt32(3), builder_.getInt32(1)});
  }
}

}  // namespace tenon
