// The statements of a nest: their lanes, stores, prefetches and transposes.

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// ---- transposes ----
//
// A copy whose source runs along one vector axis and whose target along another is a transpose in
// registers: vector loads, log2 steps of two-input shuffles, vector stores.
//
// The numbers of rows and columns are rounded up to one power of two; what is added holds anything.
// The place of an element is the number of its register, at first its row, and the number of its
// lane, at first its column. Each step exchanges one bit of the register with one bit of the lane.

// The vector cut or extended to `lanes` lanes.
llvm::Value* resized(llvm::IRBuilderBase& builder, llvm::Value* of, int lanes) {
  const auto count =
      static_cast<int>(llvm::cast<llvm::FixedVectorType>(of->getType())->getNumElements());
  if (count == lanes) return of;
  const int common = std::min(count, lanes);
  return builder.CreateShuffleVector(of, llvm::createSequentialMask(0, common, lanes - common));
}

// `rows` vectors of `columns` lanes become `columns` vectors of `rows` lanes.
std::vector<llvm::Value*> transposed(llvm::IRBuilderBase& builder, std::vector<llvm::Value*> of,
                                     int columns) {
  const auto rows = static_cast<int>(of.size());
  const auto size = static_cast<int>(llvm::PowerOf2Ceil(std::max(rows, columns)));
  for (llvm::Value*& row : of) row = resized(builder, row, size);
  of.resize(size, llvm::PoisonValue::get(of[0]->getType()));
  const auto exchange = [&](int bit) {
    std::vector<int> low(size), high(size);
    for (int lane = 0; lane < size; lane++) {
      low[lane] = lane & bit ? size + lane - bit : lane;
      high[lane] = low[lane] + bit;
    }
    for (int j = 0; j < size; j++) {
      if (j & bit) continue;
      llvm::Value* first = builder.CreateShuffleVector(of[j], of[j + bit], low);
      of[j + bit] = builder.CreateShuffleVector(of[j], of[j + bit], high);
      of[j] = first;
    }
  };
  // Bits that only the rows or only the columns have come first: then less is left to exchange.
  const auto least = static_cast<int>(llvm::PowerOf2Ceil(std::min(rows, columns)));
  for (int bit = least; bit < size; bit *= 2) exchange(bit);
  for (int bit = 1; bit < least; bit *= 2) exchange(bit);
  of.resize(columns);
  for (llvm::Value*& column : of) column = resized(builder, column, rows);
  return of;
}

}  // namespace

// A condition that varies with the statement's lanes is a mask; the others are a branch.
void Emission::statement(const Item& item, std::span<const Range> conditions) {
  const Store* store = item.store();
  const std::vector<Var>& lanes = *lanes_in(item);
  std::vector<Range> branches, masks;
  for (const Range& range : conditions)
    (range.index.uses_any(lanes) ? masks : branches).push_back(range);
  when(all_hold(branches), [&] {
    if (lanes.size() == 2) return transpose(*store, masks);
    at_lanes(lanes.empty() ? -1 : lanes[0], masks, [&] {
      if (store)
        this->store(*store);
      else
        prefetch(std::get<Prefetch>(item.what));
    });
  });
}

void Emission::at_lanes(Var axis, std::span<const Range> masks, const std::function<void()>& body) {
  if (axis >= 0) indices_.state.lanes = {axis, static_cast<int>(kernel_.extent(axis))};
  mask_ = all_hold(masks);
  body();
  mask_ = nullptr;
  values_.clear();
  bits_.clear();
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

// The source is contiguous along the statement's first lane axis (the columns), the target along
// its second (the rows).
void Emission::transpose(const Store& store, std::span<const Range> masks) {
  const Var column = store.lanes[0], row = store.lanes[1];
  std::vector<llvm::Value*> block;
  for (std::int64_t i = 0; i < kernel_.extent(row); i++) {
    indices_.set(row, builder_.getInt64(i));
    at_lanes(column, masks, [&] { block.push_back(widen(value(store.value))); });
  }
  indices_.forget(row);
  block = transposed(builder_, std::move(block), static_cast<int>(kernel_.extent(column)));
  for (std::int64_t i = 0; i < kernel_.extent(column); i++) {
    indices_.set(column, builder_.getInt64(i));
    at_lanes(row, masks, [&] { write(access(store), block[i], mask_, false); });
  }
  indices_.forget(column);
}

}  // namespace tenon
