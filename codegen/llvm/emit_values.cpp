#include <algorithm>

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"

namespace tenon {

llvm::Type* Emission::memory_type(Type type) {
  if (info(type).is_float) return builder_.getFloatTy();
  return builder_.getIntNTy(8 * info(type).bytes);
}

llvm::Type* Emission::value_type(Type type) {
  return type == Type::boolean ? builder_.getInt1Ty() : memory_type(type);
}

llvm::Value* Emission::widen(llvm::Value* value) {
  if (!has_lanes() || value->getType()->isVectorTy()) return value;
  return builder_.CreateVectorSplat(indices_.state.lanes.count, value);
}

std::vector<llvm::Value*> Emission::alike(std::vector<llvm::Value*> values) {
  const auto is_vector = [](const llvm::Value* value) { return value->getType()->isVectorTy(); };
  if (std::ranges::any_of(values, is_vector))
    for (llvm::Value*& value : values) value = widen(value);
  return values;
}

// Below AVX-512, conditions on lanes are joined, and moved to other lanes, as integers. From masks
// of i1 that are joined with constants, LLVM 19 makes loads of lanes that are masked out.
llvm::Value* Emission::bits_of(llvm::Value* mask) {
  if (const auto known = bits_.find(mask); known != bits_.end()) return known->second;
  if (isa_ == Isa::avx512) return widen(mask);
  llvm::Type* integer = mask->getType()->getWithNewType(builder_.getInt32Ty());
  return widen(builder_.CreateSExt(mask, integer));
}

llvm::Value* Emission::mask_of(llvm::Value* bits) {
  if (isa_ == Isa::avx512) return bits;
  llvm::Value* mask = builder_.CreateIsNeg(bits);
  bits_[mask] = bits;
  return mask;
}

llvm::Value* Emission::both(llvm::Value* a, llvm::Value* b) {
  if (!a || !b) return a ? a : b;
  if (!a->getType()->isVectorTy() && !b->getType()->isVectorTy()) return builder_.CreateAnd(a, b);
  return mask_of(builder_.CreateAnd(bits_of(a), bits_of(b)));
}

llvm::Value* Emission::select(llvm::Value* condition, llvm::Value* a, llvm::Value* b) {
  if (condition->getType()->isVectorTy()) a = widen(a);
  const auto x = alike({a, b});
  return builder_.CreateSelect(condition, x[0], x[1]);
}

llvm::Value* Emission::all_hold(std::span<const Range> ranges) {
  llvm::Value* result = nullptr;
  for (const Range& range : ranges) result = both(result, indices_.holds(range));
  return result;
}

llvm::Value* Emission::value(const ValueRef& ref) {
  llvm::Value*& result = values_[ref.get()];
  if (!result)
    result = std::visit([&](const auto& detail) { return make(detail, ref->type); }, ref->detail);
  return result;
}

llvm::Value* Emission::make(const Constant& constant, Type type) {
  if (type == Type::f32) return llvm::ConstantFP::get(builder_.getFloatTy(), constant.value);
  return llvm::ConstantInt::getSigned(value_type(type), static_cast<std::int64_t>(constant.value));
}

llvm::Value* Emission::make(const IndexValue& value, Type) {
  const Linear index = indices_.linear(value.index);
  if (!index.is_uniform()) return indices_.vector(index, builder_.getInt32Ty());
  return builder_.CreateTrunc(indices_.uniform(index), builder_.getInt32Ty());
}

llvm::Value* Emission::make(const Inside& inside, Type) {
  llvm::Value* holds = all_hold(inside.ranges);
  return holds ? holds : builder_.getTrue();
}

// x[s] += x[s + h] for h = strands/2, .., 1. If all lanes of the statement fold the same strands,
// the strands are the lanes of one vector. Otherwise each strand is a vector of the statement's
// lanes.
llvm::Value* Emission::make(const Fold& fold, Type type) {
  tenon::Access at = static_cast<const tenon::Access&>(fold);
  Access first = access(at);
  if (first.index.is_uniform()) {
    first.index.stride = first.computed_stride;
    first.reach.high += (fold.strands - 1) * first.index.stride;
    const Lanes lanes = std::exchange(indices_.state.lanes, {-1, fold.strands});
    llvm::Value* x = read_memory(first, nullptr, nullptr);
    for (int half = fold.strands / 2; half > 0; half /= 2) {
      llvm::Value* high =
          builder_.CreateShuffleVector(x, llvm::createSequentialMask(half, half, 0));
      llvm::Value* low = builder_.CreateShuffleVector(x, llvm::createSequentialMask(0, half, 0));
      x = combine(fold.combine, type, low, high);
    }
    indices_.state.lanes = lanes;
    return builder_.CreateExtractElement(x, std::uint64_t{0});
  }
  std::vector<llvm::Value*> x;
  for (int lane = 0; lane < fold.strands; lane++) {
    at.at[fold.computed_axis] = lane;
    x.push_back(read_memory(access(at), mask_, nullptr));
  }
  for (int half = fold.strands / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++)
      x[lane] = combine(fold.combine, type, x[lane], x[lane + half]);
  return x[0];
}

llvm::Value* Emission::combine(Combine combine, Type type, llvm::Value* a, llvm::Value* b) {
  const auto x = alike({a, b});
  const bool is_float = info(type).is_float;
  if (combine == Combine::sum)
    return is_float ? builder_.CreateFAdd(x[0], x[1]) : builder_.CreateAdd(x[0], x[1]);
  if (type == Type::boolean) return builder_.CreateOr(x[0], x[1]);
  if (!is_float) return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, x[0], x[1]);
  // The first select is x86's instruction for a maximum. Its result is the second operand, here a,
  // if one operand is NaN or both are equal. The second select returns b if b is NaN.
  llvm::Value* greater = builder_.CreateSelect(builder_.CreateFCmpOGT(x[1], x[0]), x[1], x[0]);
  return builder_.CreateSelect(builder_.CreateFCmpUNO(x[1], x[1]), x[1], greater);
}

}  // namespace tenon
