#include <algorithm>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"

namespace tenon {
namespace {

constexpr std::int64_t widest_stride = 4;  // of lanes that whole vectors are read for
constexpr std::int64_t a_load = -10;       // what a key of Indices::once starts with

}  // namespace

// The position in memory, in elements.
Index Emission::flat(int tensor, const std::vector<Index>& at) const {
  const std::vector<std::int64_t>& extents = kernel_.tensors[tensor].extents;
  Index result;
  std::int64_t stride = 1;
  for (std::size_t d = at.size(); d-- > 0;) {
    result = result + at[d] * stride;
    stride *= extents[d];
  }
  return result;
}

Emission::Access Emission::access(int tensor, const std::vector<Index>& at, int computed_axis,
                                  const ValueRef& computed) {
  const std::vector<std::int64_t>& extents = kernel_.tensors[tensor].extents;
  Access result;
  result.tensor = tensor;
  result.in_bounds = true;
  for (int d = 0; d < static_cast<int>(at.size()); d++) {
    const Bounds of = indices_.bounds(at[d]);
    if (d != computed_axis && (of.low < 0 || of.high >= extents[d])) result.in_bounds = false;
  }
  if (computed_axis < 0) {
    result.index = indices_.linear(flat(tensor, at));
    return result;
  }
  std::vector<Index> others = at;
  others[computed_axis] = 0;
  result.index = indices_.linear(flat(tensor, others));
  std::int64_t stride = 1;
  for (std::size_t d = computed_axis + 1; d < extents.size(); d++) stride *= extents[d];
  llvm::Value* position = value(computed);
  const auto constant = [&](llvm::Type* type, std::int64_t number) {
    return llvm::ConstantInt::get(type, number);
  };
  result.valid =
      builder_.CreateICmpULT(position, constant(position->getType(), extents[computed_axis]));
  llvm::Type* wide = builder_.getInt64Ty();
  if (position->getType()->isVectorTy())
    wide = llvm::VectorType::get(wide, indices_.state.lanes.count, false);
  result.computed = builder_.CreateMul(builder_.CreateSExt(position, wide), constant(wide, stride));
  return result;
}

llvm::Value* Emission::base(int tensor) {
  const auto [found, is_new] = body_.bases.try_emplace(tensor, nullptr);
  if (!is_new) return found->second;
  const KernelTensor& info = kernel_.tensors[tensor];
  llvm::IRBuilder<> entry(indices_.state.frames[0].place);
  llvm::Type* pointer = entry.getPtrTy();
  if (info.where == Where::reg) {
    auto* memory = entry.CreateAlloca(llvm::ArrayType::get(memory_type(info.type), info.elements()),
                                      nullptr, info.name);
    memory->setAlignment(llvm::Align(64));
    found->second = memory;
  } else if (const Placement& placed = finished_.placement[tensor]; placed.offset >= 0) {
    llvm::Value* scratch = placed.per_thread ? body_.thread_scratch : body_.shared_scratch;
    found->second = entry.CreateConstGEP1_64(entry.getInt8Ty(), scratch, placed.offset);
  } else {
    // Arguments are the first tensors.
    found->second =
        entry.CreateLoad(pointer, entry.CreateConstGEP1_64(pointer, body_.buffers, tensor));
  }
  return found->second;
}

llvm::Value* Emission::address(const Access& access) {
  llvm::Type* element = memory_type(kernel_.tensors[access.tensor].type);
  llvm::Value* pointer =
      indices_.pointer(base(access.tensor), access.tensor, element, access.index);
  return access.computed ? builder_.CreateGEP(element, pointer, access.computed) : pointer;
}

llvm::Value* Emission::addresses(const Access& access) {
  llvm::Type* element = memory_type(kernel_.tensors[access.tensor].type);
  if (access.index.is_uniform()) return address(access);
  Linear lanes = access.index;
  lanes.uniform.clear();
  lanes.constant = 0;
  Access start = access;
  start.index.stride = 0;
  start.index.varying.clear();
  return builder_.CreateGEP(element, address(start), indices_.vector(lanes, builder_.getInt64Ty()));
}

// The tensor's elements as they are in memory. Where `touch` (null: everywhere) does not hold,
// memory is not read, and the result is `fill` where there is one and anything otherwise.
llvm::Value* Emission::read_memory(const Access& access, llvm::Value* touch, llvm::Value* fill) {
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  llvm::Type* element = memory_type(tensor.type);
  const llvm::Align align(info(tensor.type).bytes);
  const int count = indices_.state.lanes.count;
  const Linear& index = access.index;
  // Where all lanes may be read, those outside `touch` are replaced afterwards.
  const bool all_readable = !access.computed && (access.in_bounds || tensor.where == Where::reg);
  const auto filled = [&](llvm::Value* loaded) {
    if (!touch || !fill) return loaded;
    const bool wide = loaded->getType()->isVectorTy() || touch->getType()->isVectorTy();
    return wide ? builder_.CreateSelect(touch, widen(loaded), widen(fill))
                : builder_.CreateSelect(touch, loaded, fill);
  };
  const auto as_value = [&](llvm::Value* loaded) {
    if (tensor.type != Type::boolean) return loaded;
    return builder_.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType()));
  };

  const bool is_vector =
      !index.is_uniform() || (access.computed && access.computed->getType()->isVectorTy());
  if (!is_vector) {
    llvm::Value* pointer = address(access);
    llvm::Value* any = touch;
    if (touch && touch->getType()->isVectorTy()) any = builder_.CreateOrReduce(touch);
    if (any && !all_readable) {
      pointer = builder_.CreateSelect(any, pointer, base(access.tensor));
    }
    return filled(as_value(builder_.CreateAlignedLoad(element, pointer, align)));
  }

  llvm::Type* type = llvm::VectorType::get(element, count, false);
  llvm::Value* mask = touch && !all_readable ? widen(touch) : nullptr;
  llvm::Value* other = llvm::Constant::getNullValue(type);  // the fill as it is in memory
  if (fill) {
    other = widen(fill);
    if (tensor.type == Type::boolean) other = builder_.CreateZExt(other, type);
  }
  const bool is_consecutive =
      !access.computed && index.varying.empty() && std::abs(index.stride) == 1;
  if (is_consecutive) {
    Access first = access;
    if (index.stride < 0) first.index.constant -= count - 1;
    first.index.stride = 0;
    const auto turn = [&](llvm::Value* v) {
      return index.stride < 0 ? builder_.CreateVectorReverse(v) : v;
    };
    llvm::Value* pointer = address(first);
    if (!mask) return filled(as_value(turn(builder_.CreateAlignedLoad(type, pointer, align))));
    return as_value(turn(builder_.CreateMaskedLoad(type, pointer, align, turn(mask), turn(other))));
  }
  if (mask) {
    return as_value(builder_.CreateMaskedGather(type, addresses(access), align, mask, other));
  }
  llvm::Value* pointers = nullptr;
  if (access.computed || !index.varying.empty()) pointers = addresses(access);
  if (!pointers && index.stride > 1 && index.stride <= widest_stride)
    return filled(as_value(read_strided(access, type)));
  llvm::Value* result = llvm::PoisonValue::get(type);
  for (int lane = 0; lane < count; lane++) {
    Access single = access;
    single.index.constant += lane * index.stride;
    single.index.stride = 0;
    llvm::Value* pointer =
        pointers ? builder_.CreateExtractElement(pointers, lane) : address(single);
    result = builder_.CreateInsertElement(
        result, builder_.CreateAlignedLoad(element, pointer, align), lane);
  }
  return filled(as_value(result));
}

// Lanes that lie a few elements apart, from whole vectors: the last one ends with the last lane.
llvm::Value* Emission::read_strided(const Access& access, llvm::Type* type) {
  const int count = indices_.state.lanes.count;
  const auto stride = static_cast<int>(access.index.stride);
  llvm::Value* result = llvm::PoisonValue::get(type);
  for (int part = 0; part < stride; part++) {
    const int start = part + 1 < stride ? part * count : (count - 1) * (stride - 1);
    Access whole = access;
    whole.index.constant += start;
    whole.index.stride = 0;
    const llvm::Align align(info(kernel_.tensors[access.tensor].type).bytes);
    llvm::Value* loaded = builder_.CreateAlignedLoad(type, address(whole), align);
    std::vector<int> from;
    for (int lane = 0; lane < count; lane++) {
      const bool is_here = lane * stride >= part * count && lane * stride < (part + 1) * count;
      from.push_back(is_here ? count + lane * stride - start : lane);
    }
    result = builder_.CreateShuffleVector(result, loaded, from);
  }
  return result;
}

llvm::Value* Emission::read(const Access& access, llvm::Value* inside, double fill) {
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  llvm::Value* filler = inside ? constant(tensor.type, fill) : nullptr;
  // What depends on outer loops alone, and is always there, is read once in the outermost of them.
  const int depth = access.index.depth();
  const bool is_input = tensor.where == Where::argument && !tensor.is_output;
  if (is_input && access.in_bounds && !inside && !access.computed && access.index.varying.empty() &&
      std::abs(access.index.stride) <= 1 && depth < indices_.depth()) {
    std::vector<std::int64_t> key = {a_load, access.tensor, access.index.constant,
                                     access.index.stride, indices_.state.lanes.count};
    for (const Part& part : access.index.uniform)
      key.insert(key.end(), {part.coefficient, part.atom});
    return indices_.once(depth, key, [&] { return read_memory(access, nullptr, nullptr); });
  }
  llvm::Value* touch = both(both(mask_, access.valid), inside);
  if (!access.valid) return read_memory(access, filler ? touch : mask_, filler);
  llvm::Value* zero = constant(tensor.type, 0);
  llvm::Value* result = read_memory(access, touch, zero);
  if (!inside) return result;
  const bool wide = result->getType()->isVectorTy() || inside->getType()->isVectorTy();
  return wide ? builder_.CreateSelect(widen(inside), widen(result), widen(filler))
              : builder_.CreateSelect(inside, result, filler);
}

void Emission::write(const Access& access, llvm::Value* value, llvm::Value* touch, bool stream) {
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  llvm::Type* element = memory_type(tensor.type);
  const llvm::Align align(info(tensor.type).bytes);
  const int count = indices_.state.lanes.count;
  const Linear& index = access.index;
  const auto as_memory = [&](llvm::Value* v) {
    if (tensor.type != Type::boolean) return v;
    llvm::Type* type = element;
    if (v->getType()->isVectorTy()) type = llvm::VectorType::get(element, count, false);
    return builder_.CreateZExt(v, type);
  };
  if (!has_lanes()) {
    when(touch, [&] { builder_.CreateAlignedStore(as_memory(value), address(access), align); });
    return;
  }
  value = as_memory(widen(value));
  if (touch) touch = widen(touch);
  const bool is_affine = !access.computed && index.varying.empty();
  if (is_affine && std::abs(index.stride) == 1) {
    Access first = access;
    if (index.stride < 0) first.index.constant -= count - 1;
    first.index.stride = 0;
    const auto turn = [&](llvm::Value* v) {
      return index.stride < 0 ? builder_.CreateVectorReverse(v) : v;
    };
    llvm::Value* pointer = address(first);
    if (touch && tensor.where == Where::reg) {
      // A register has no memory to stay away from: all of it is written, part of it as it was.
      llvm::Value* before = builder_.CreateAlignedLoad(value->getType(), pointer, align);
      value = builder_.CreateSelect(touch, value, turn(before));
      touch = nullptr;
    }
    if (touch) {
      builder_.CreateMaskedStore(turn(value), pointer, align, turn(touch));
    } else if (stream && body_.is_aligned) {
      auto* whole = builder_.CreateAlignedStore(value, pointer, llvm::Align(vector_bytes(isa_)));
      auto* one = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
      whole->setMetadata("nontemporal", llvm::MDNode::get(builder_.getContext(), one));
      body_.streams = true;
    } else {
      builder_.CreateAlignedStore(turn(value), pointer, align);
    }
    return;
  }
  if (touch) {
    llvm::Value* pointers = addresses(access);
    if (!pointers->getType()->isVectorTy()) pointers = builder_.CreateVectorSplat(count, pointers);
    builder_.CreateMaskedScatter(value, pointers, align, touch);
    return;
  }
  llvm::Value* pointers = is_affine ? nullptr : addresses(access);
  for (int lane = 0; lane < count; lane++) {
    Access single = access;
    single.index.constant += lane * index.stride;
    single.index.stride = 0;
    llvm::Value* pointer = is_affine ? address(single) : pointers;
    if (pointer->getType()->isVectorTy()) pointer = builder_.CreateExtractElement(pointer, lane);
    builder_.CreateAlignedStore(builder_.CreateExtractElement(value, lane), pointer, align);
  }
}

}  // namespace tenon
