// A copy whose source runs along one vector axis and whose target along another is a transpose in
// registers: vector loads, log2 steps of two-input shuffles, vector stores.
//
// The place of an element is the number of its register, at first its row, and the number of its
// lane, at first its column. Each step exchanges one bit of the register with one bit of the lane.
// If there are more rows than columns, or fewer, registers are first joined or cut, so that each
// has as many lanes as there are rows.
#include <algorithm>
#include <bit>

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// The numbers of rows and columns are rounded up to powers of two; what is added holds anything.

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
                                     int wanted_columns) {
  const auto wanted_rows = static_cast<int>(of.size());
  const auto rows = static_cast<int>(std::bit_ceil(of.size()));
  const int columns = std::bit_ceil(static_cast<unsigned>(wanted_columns));
  for (llvm::Value*& row : of) row = resized(builder, row, columns);
  of.resize(rows, llvm::PoisonValue::get(of[0]->getType()));
  std::vector<llvm::Value*> result;
  for (int j = 0; j < columns; j++) {
    if (columns > rows) {
      result.push_back(builder.CreateShuffleVector(
          of[j % rows], llvm::createSequentialMask(j / rows * rows, rows, 0)));
      continue;
    }
    std::vector<llvm::Value*> joined;
    for (int row = j; row < rows; row += columns) joined.push_back(of[row]);
    result.push_back(llvm::concatenateVectors(builder, joined));
  }
  for (int bit = 1; bit < std::min(columns, rows); bit *= 2) {
    std::vector<int> low(rows), high(rows);
    for (int lane = 0; lane < rows; lane++) {
      low[lane] = lane & bit ? rows + lane - bit : lane;
      high[lane] = low[lane] + bit;
    }
    for (int j = 0; j < columns; j++) {
      if (j & bit) continue;
      llvm::Value* first = builder.CreateShuffleVector(result[j], result[j + bit], low);
      result[j + bit] = builder.CreateShuffleVector(result[j], result[j + bit], high);
      result[j] = first;
    }
  }
  result.resize(wanted_columns);
  for (llvm::Value*& column : result) column = resized(builder, column, wanted_rows);
  return result;
}

}  // namespace

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
