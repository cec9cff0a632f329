#include <cstdlib>

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {

constexpr std::int64_t widest_stride = 4;           // elements; up to it read_run() is used
constexpr std::int64_t a_load = -10, a_base = -11;  // first numbers of keys of Indices::once

Emission::Access Emission::access(const tenon::Access& of) {
  const KernelTensor& tensor = kernel_.tensors[of.tensor];
  const std::vector<std::int64_t>& extents = tensor.extents;
  const Index place = flat(tensor, of.at);
  Access result{
      .tensor = of.tensor, .index = indices_.linear(place), .reach = indices_.bounds(place)};
  for (std::size_t d = 0; d < of.at.size(); d++) {
    const Bounds reach = indices_.bounds(of.at[d]);
    result.in_bounds = result.in_bounds && reach.low >= 0 && reach.high < extents[d];
  }
  if (of.computed_axis < 0) return result;
  for (std::size_t d = of.computed_axis + 1; d < extents.size(); d++)
    result.computed_stride *= extents[d];
  if (!of.computed) return result;
  llvm::Value* position = value(of.computed);
  llvm::Type* type = position->getType();
  llvm::Type* wide = type->getWithNewType(builder_.getInt64Ty());
  result.valid =
      builder_.CreateICmpULT(position, llvm::ConstantInt::get(type, extents[of.computed_axis]));
  // In place of an index that is not valid, the first one is read.
  position = builder_.CreateSelect(result.valid, position, llvm::Constant::getNullValue(type));
  result.computed = builder_.CreateMul(builder_.CreateSExt(position, wide),
                                       llvm::ConstantInt::get(wide, result.computed_stride));
  return result;
}

llvm::Value* Emission::base(int tensor) {
  return indices_.once(0, {a_base, tensor}, [&]() -> llvm::Value* {
    const KernelTensor& info = kernel_.tensors[tensor];
    if (info.where == Where::reg) {
      auto* elements = llvm::ArrayType::get(memory_type(info.type), info.elements());
      auto* memory = builder_.CreateAlloca(elements, nullptr, info.name);
      memory->setAlignment(llvm::Align(64));
      return memory;
    }
    if (const Placement& placed = finished_.placement[tensor]; placed.offset >= 0) {
      llvm::Value* scratch = placed.per_thread ? body_.thread_scratch : body_.launch_scratch;
      return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), scratch, placed.offset);
    }
    // Arguments are the first tensors.
    llvm::Type* pointer = builder_.getPtrTy();
    return builder_.CreateLoad(pointer,
                               builder_.CreateConstGEP1_64(pointer, body_.buffers, tensor));
  });
}

llvm::Value* Emission::address(const Access& access, std::int64_t offset) {
  llvm::Type* element = memory_type(kernel_.tensors[access.tensor].type);
  Linear place = access.index;
  place.constant += offset;
  llvm::Value* pointer = indices_.pointer(base(access.tensor), element, place);
  return access.computed ? builder_.CreateGEP(element, pointer, access.computed) : pointer;
}

llvm::Value* Emission::addresses(const Access& access) {
  if (access.index.is_uniform()) return widen(address(access));
  Linear lanes = access.index;
  lanes.uniform.clear();
  lanes.constant = 0;
  return builder_.CreateGEP(memory_type(kernel_.tensors[access.tensor].type), address(access),
                            indices_.vector(lanes, builder_.getInt64Ty()));
}

std::vector<llvm::Value*> Emission::each_address(const Access& access) {
  llvm::Value* all = access.is_affine() ? nullptr : addresses(access);
  std::vector<llvm::Value*> result;
  for (int lane = 0; lane < indices_.state.lanes.count; lane++)
    result.push_back(all ? builder_.CreateExtractElement(all, lane)
                         : address(access, lane * access.index.stride));
  return result;
}

llvm::Value* Emission::lowest_address(const Access& access, std::int64_t offset) {
  const std::int64_t last = (indices_.state.lanes.count - 1) * access.index.stride;
  return address(access, std::min<std::int64_t>(last, 0) + offset);
}

llvm::Value* Emission::in_order(const Access& access, llvm::Value* elements) {
  return access.index.stride < 0 ? builder_.CreateVectorReverse(elements) : elements;
}

// Reads the elements of an access; booleans become i1. A lane in which `touch` does not hold (null:
// it holds in all) is read only if it is in bounds. Its result is `fill`, or anything if that is
// null.
llvm::Value* Emission::read_memory(const Access& access, llvm::Value* touch, llvm::Value* fill) {
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  llvm::Type* element = memory_type(tensor.type);
  llvm::Type* type = llvm::VectorType::get(element, indices_.state.lanes.count, false);
  const llvm::Align align(info(tensor.type).bytes);
  // Where all lanes may be read, those outside `touch` are replaced afterwards. AVX-512 alone has
  // fast masked gathers.
  const bool all_readable = (access.in_bounds || tensor.where == Where::reg) &&
                            (!access.computed || isa_ != Isa::avx512) && tensor.elements() > 0;
  const bool is_vector =
      !access.index.is_uniform() || (access.computed && access.computed->getType()->isVectorTy());
  llvm::Value* mask = is_vector && touch && !all_readable ? mask_of(bits_of(touch)) : nullptr;
  // The lanes that the mask leaves out become `other`, a value as it is in memory.
  llvm::Value* other = llvm::Constant::getNullValue(type);
  if (mask && fill) other = builder_.CreateZExtOrBitCast(widen(fill), type);

  llvm::Value* loaded = nullptr;
  if (!is_vector) {
    llvm::Value* pointer = address(access);
    if (touch && !all_readable) pointer = if_any(touch, pointer, access.tensor);
    loaded = builder_.CreateAlignedLoad(element, pointer, align);
  } else if (access.is_affine() && std::abs(access.index.stride) <= widest_stride) {
    loaded = read_run(access, mask ? touch : nullptr, other);
  } else if (mask) {
    loaded = builder_.CreateMaskedGather(type, addresses(access), align, mask, other);
  } else {
    loaded = llvm::PoisonValue::get(type);
    for (const auto& [lane, pointer] : llvm::enumerate(each_address(access)))
      loaded = builder_.CreateInsertElement(
          loaded, builder_.CreateAlignedLoad(element, pointer, align), lane);
  }
  if (tensor.type == Type::boolean)
    loaded = builder_.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType()));
  return touch && fill && !mask ? select(touch, loaded, fill) : loaded;
}

// Returns the pointer, or the beginning of the buffer if `touch` holds in no lane.
llvm::Value* Emission::if_any(llvm::Value* touch, llvm::Value* pointer, int tensor) {
  if (touch->getType()->isVectorTy()) touch = builder_.CreateOrReduce(touch);
  return builder_.CreateSelect(touch, pointer, base(tensor));
}

// Returns the pointer that a masked read is to use. A masked read with an empty mask takes 111 ns
// if no page is mapped at its address. So, if that may be more than a page away from the buffer,
// an empty mask reads at the buffer's beginning instead.
llvm::Value* Emission::near(const Access& access, llvm::Value* pointer, llvm::Value* touch) {
  constexpr std::int64_t page = 4096;  // bytes
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  const std::int64_t elements = page / info(tensor.type).bytes;
  if (access.reach.low >= -elements && access.reach.high < tensor.elements() + elements)
    return pointer;
  return if_any(touch, pointer, access.tensor);
}

// Reads lanes that lie `step` elements apart, in rising or falling order: loads `step` whole
// vectors and picks the lanes from them. A lane in which `touch` does not hold (null: it holds in
// all) is not read; its result is its lane of `other`.
llvm::Value* Emission::read_run(const Access& access, llvm::Value* touch, llvm::Value* other) {
  const int count = indices_.state.lanes.count;
  const auto step = static_cast<int>(std::abs(access.index.stride));
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  const llvm::Align align(info(tensor.type).bytes);
  llvm::Type* type = other->getType();
  llvm::Value* bits = touch ? in_order(access, bits_of(touch)) : nullptr;
  other = in_order(access, other);
  // If there is room, the vectors begin at a multiple of the step, so that neighbouring accesses
  // read the same vectors. Otherwise they begin with the lowest lane and end with the highest.
  const auto behind = static_cast<int>((access.index.constant % step + step) % step);
  const bool has_room = access.reach.low >= behind &&
                        access.reach.high + step - 1 - behind < tensor.elements() - tensor.missing;
  const int first = has_room ? behind : 0;
  const int last = first + (count - 1) * step;
  llvm::Value* result = llvm::PoisonValue::get(type);
  for (int part = 0; part < step; part++) {
    const int start = has_room ? part * count : std::min(part * count, last - count + 1);
    llvm::Value* pointer = lowest_address(access, start - first);
    llvm::Value* loaded = nullptr;
    if (touch) {
      std::vector<int> lanes;  // the lane of each element; `count`: none
      for (int element = start - first; element < start - first + count; element++) {
        const bool is_lane = element >= 0 && element % step == 0 && element / step < count;
        lanes.push_back(is_lane ? element / step : count);
      }
      const auto spread = [&](llvm::Value* of) {
        return builder_.CreateShuffleVector(of, llvm::Constant::getNullValue(of->getType()), lanes);
      };
      loaded = builder_.CreateMaskedLoad(type, near(access, pointer, touch), align,
                                         mask_of(spread(bits)), spread(other));
    } else {
      loaded = builder_.CreateAlignedLoad(type, pointer, align);
    }
    std::vector<int> from;
    for (int lane = 0; lane < count; lane++) {
      const int element = first + lane * step;
      from.push_back(element / count == part ? count + element - start : lane);
    }
    result = builder_.CreateShuffleVector(result, loaded, from);
  }
  return in_order(access, result);
}

llvm::Value* Emission::make(const Load& load, Type) {
  const KernelTensor& tensor = kernel_.tensors[load.tensor];
  const Access from = access(load);
  llvm::Value* inside = all_hold(load.inside);
  // An input that depends on outer loops alone and is always in bounds is read once, in the
  // innermost of the loops that it depends on.
  const int depth = from.index.depth();
  const bool is_input = tensor.where == Where::argument && !tensor.is_output;
  if (is_input && from.in_bounds && !inside && from.is_affine() &&
      std::abs(from.index.stride) <= 1 && depth < indices_.depth())
    return indices_.once(depth, indices_.key({a_load, load.tensor}, from.index),
                         [&] { return read_memory(from, nullptr, nullptr); });
  llvm::Value* touch = both(both(mask_, from.valid), inside);
  llvm::Value* fill = inside ? make(Constant{load.fill}, tensor.type) : nullptr;
  if (!from.valid) return read_memory(from, touch, fill);
  llvm::Value* result = read_memory(from, touch, make(Constant{0}, tensor.type));
  return inside ? select(inside, result, fill) : result;
}

void Emission::write(const Access& access, llvm::Value* value, llvm::Value* touch, bool stream) {
  const KernelTensor& tensor = kernel_.tensors[access.tensor];
  const llvm::Align align(info(tensor.type).bytes);
  value = widen(value);
  if (tensor.type == Type::boolean)
    value = builder_.CreateZExt(value, value->getType()->getWithNewType(builder_.getInt8Ty()));
  if (!has_lanes())
    return when(touch, [&] { builder_.CreateAlignedStore(value, address(access), align); });
  llvm::Value* bits = touch ? bits_of(touch) : nullptr;
  if (access.is_run()) {
    llvm::Value* pointer = lowest_address(access);
    value = in_order(access, value);
    if (touch) touch = mask_of(in_order(access, bits));
    if (touch && tensor.where == Where::reg) {
      // All lanes of a register may be written. Those outside the mask get their old value.
      llvm::Value* before = builder_.CreateAlignedLoad(value->getType(), pointer, align);
      value = builder_.CreateSelect(touch, value, before);
      touch = nullptr;
    }
    if (touch) {
      builder_.CreateMaskedStore(value, pointer, align, touch);
    } else {
      auto* whole = builder_.CreateAlignedStore(value, pointer, align);
      if (!stream) return;
      auto* one = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
      whole->setAlignment(llvm::Align(info(isa_).vector_bytes));
      whole->setMetadata("nontemporal", llvm::MDNode::get(builder_.getContext(), one));
      body_.streams = true;
    }
  } else if (touch) {
    builder_.CreateMaskedScatter(value, addresses(access), align, mask_of(bits));
  } else {
    for (const auto& [lane, pointer] : llvm::enumerate(each_address(access)))
      builder_.CreateAlignedStore(builder_.CreateExtractElement(value, lane), pointer, align);
  }
}

}  // namespace tenon
