// A copy whose source runs along one vector axis and whose target along another is a transpose in
// registers: vector loads, log2 steps of two-input shuffles, vector stores.
//
// An element is found by the bits of its lane, at first its column, and of its register, at first
// its row. Each step exchanges one bit of the lane with one of the register. Where there are more
// rows than columns or fewer, registers are first joined or cut to one lane a row.
#include <algorithm>
#include <bit>

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {
namespace {

// `rows` vectors of `columns` lanes become `columns` vectors of `rows` lanes; both are powers of
// two.
std::vector<llvm::Value*> transposed(llvm::IRBuilderBase& builder,
                                     const std::vector<llvm::Value*>& of, int columns) {
  const auto rows = static_cast<int>(of.size());
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
  return result;
}

}  // namespace

// The axes along which source and target run, if this item is such a copy.
std::optional<Emission::Turn> Emission::turn(const Item& item) const {
  const Store* store = item.store();
  if (!store || store->combine || store->computed || vector_axes_.size() < 2) return {};
  const auto* load = std::get_if<Load>(&store->value->detail);
  if (!load || load->computed || info(store->value->type).bytes != 4) return {};
  const Index source = flat(kernel_.tensors[load->tensor], load->at);
  const Index target = flat(kernel_.tensors[store->tensor], store->at);
  const auto along = [&](const Index& one, const Index& other) {
    return std::ranges::find_if(vector_axes_, [&](Var v) {
      return one.coefficient(v) == 1 && other.coefficient(v) != 1 &&
             std::has_single_bit(static_cast<std::uint64_t>(kernel_.extent(v)));
    });
  };
  const auto column = along(source, target), row = along(target, source);
  if (column == vector_axes_.end() || row == vector_axes_.end()) return {};
  return Turn{*column, *row};
}

void Emission::transpose(const Store& store, const Turn& turn) {
  const std::int64_t widest = vector_bytes(isa_) / 4;
  const auto columns = static_cast<int>(std::min(kernel_.axes[turn.column].extent, widest));
  const auto rows = static_cast<int>(std::min(kernel_.axes[turn.row].extent, widest));
  // One row or column: `fixed` is a constant, `along` the lanes.
  const auto at = [&](Var fixed, std::int64_t value, const Lanes& along) {
    indices_.set_constant(fixed, value);
    indices_.set_lanes(along.axis);
    indices_.state.lanes = along;
    mask_ = all_hold(lane_conditions_);
    if (mask_) mask_ = widen(mask_);
    values_.clear();
  };
  for (std::int64_t row = 0; row < kernel_.axes[turn.row].extent; row += rows) {
    for (std::int64_t column = 0; column < kernel_.axes[turn.column].extent; column += columns) {
      std::vector<llvm::Value*> block;
      for (int i = 0; i < rows; i++) {
        at(turn.row, row + i, {turn.column, column, columns});
        block.push_back(widen(value(store.value)));
      }
      block = transposed(builder_, block, columns);
      for (int i = 0; i < columns; i++) {
        at(turn.column, column + i, {turn.row, row, rows});
        write(access(store), block[i], mask_, store.stream);
      }
    }
  }
  mask_ = nullptr;
  values_.clear();
  indices_.state.lanes = {};
  indices_.set_lanes(turn.row);
  indices_.set_lanes(turn.column);
}

}  // namespace tenon
