#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"

namespace tenon {

llvm::Type* Emission::memory_type(Type type) {
  switch (type) {
    case Type::f32:
      return builder_.getFloatTy();
    case Type::i32:
      return builder_.getInt32Ty();
    case Type::boolean:
      return builder_.getInt8Ty();
  }
  broken_invariant("a type that no value has", std::source_location::current());
}

llvm::Type* Emission::value_type(Type type) {
  return type == Type::boolean ? builder_.getInt1Ty() : memory_type(type);
}

llvm::Value* Emission::constant(Type type, double value) {
  if (type == Type::f32) return llvm::ConstantFP::get(builder_.getFloatTy(), value);
  return llvm::ConstantInt::getSigned(value_type(type), static_cast<std::int64_t>(value));
}

llvm::Value* Emission::widen(llvm::Value* value) {
  if (!has_lanes() || value->getType()->isVectorTy()) return value;
  return builder_.CreateVectorSplat(indices_.state.lanes.count, value);
}

llvm::Value* Emission::both(llvm::Value* a, llvm::Value* b) {
  if (!a || !b) return a ? a : b;
  if (a->getType() != b->getType()) return builder_.CreateAnd(widen(a), widen(b));
  return builder_.CreateAnd(a, b);
}

llvm::Value* Emission::all_hold(const std::vector<Range>& ranges) {
  llvm::Value* result = nullptr;
  for (const Range& range : ranges) result = both(result, indices_.holds(range));
  return result;
}

llvm::Value* Emission::value(const ValueRef& ref) {
  const auto [found, is_new] = values_.try_emplace(ref.get(), nullptr);
  if (!is_new) return found->second;
  llvm::Value*& result = found->second;
  const Type type = ref->type;
  if (const auto* load = std::get_if<Load>(&ref->detail)) {
    result = this->load(*load);
  } else if (const auto* constant = std::get_if<Constant>(&ref->detail)) {
    result = this->constant(type, constant->value);
  } else if (const auto* index = std::get_if<IndexValue>(&ref->detail)) {
    result = index_value(index->index);
  } else if (const auto* inside = std::get_if<Inside>(&ref->detail)) {
    llvm::Value* holds = all_hold(inside->ranges);
    result = holds ? holds : builder_.getTrue();
  } else if (const auto* apply = std::get_if<Apply>(&ref->detail)) {
    result = this->apply(*apply, type);
  } else {
    result = fold(std::get<Fold>(ref->detail), type);
  }
  return result;
}

llvm::Value* Emission::load(const Load& load) {
  const Access from = access(load.tensor, load.at, load.computed_axis, load.computed);
  return read(from, all_hold(load.inside), load.fill);
}

llvm::Value* Emission::index_value(const Index& index) {
  const Linear linear = indices_.linear(index);
  if (linear.is_uniform())
    return builder_.CreateTrunc(indices_.uniform(linear), builder_.getInt32Ty());
  return indices_.vector(linear, builder_.getInt32Ty());
}

// x[l] += x[l + h] for h = lanes/2, .., 1. Where the lanes lie side by side in memory and the
// statement wants one value, they are one vector; otherwise each is a value (or vector) by itself.
llvm::Value* Emission::fold(const Fold& fold, Type type) {
  std::vector<Index> at = fold.at;
  at.emplace_back(0);
  Access first = access(fold.tensor, at, -1, nullptr);
  if (first.index.is_uniform()) {
    first.index.stride = 1;
    const Lanes lanes = std::exchange(indices_.state.lanes, {-1, 0, fold.lanes});
    llvm::Value* mask = std::exchange(mask_, nullptr);
    llvm::Value* x = read_memory(first, nullptr, nullptr);
    for (int half = fold.lanes / 2; half > 0; half /= 2) {
      std::vector<int> low, high;
      for (int lane = 0; lane < half; lane++) {
        low.push_back(lane);
        high.push_back(lane + half);
      }
      x = combine(fold.combine, type, builder_.CreateShuffleVector(x, low),
                  builder_.CreateShuffleVector(x, high));
    }
    indices_.state.lanes = lanes;
    mask_ = mask;
    return builder_.CreateExtractElement(x, std::uint64_t{0});
  }
  std::vector<llvm::Value*> x;
  for (int lane = 0; lane < fold.lanes; lane++) {
    at.back() = lane;
    x.push_back(read_memory(access(fold.tensor, at, -1, nullptr), mask_, nullptr));
  }
  for (int half = fold.lanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; lane++)
      x[lane] = combine(fold.combine, type, x[lane], x[lane + half]);
  }
  return x[0];
}

llvm::Value* Emission::combine(Combine combine, Type type, llvm::Value* a, llvm::Value* b) {
  if (a->getType() != b->getType()) {
    a = widen(a);
    b = widen(b);
  }
  if (combine == Combine::sum)
    return type == Type::f32 ? builder_.CreateFAdd(a, b) : builder_.CreateAdd(a, b);
  switch (type) {
    case Type::f32:
      return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::maximum, a, b);
    case Type::i32:
      return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b);
    case Type::boolean:
      return builder_.CreateOr(a, b);
  }
  broken_invariant("a type that no value has", std::source_location::current());
}

}  // namespace tenon
