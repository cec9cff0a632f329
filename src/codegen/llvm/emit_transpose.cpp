// A copy whose source runs along one vector axis and whose target along another is a transpose in
// registers: vector loads, log2 steps of two-input shuffles, vector stores.
//
// Blocks have 2^a lanes and 2^b rows. An element is found by the bits of its lane and of its row:
// at first the lane's bits are a0, a1, .., and the registers' b0, b1, ..; at the end it is the
// other way round. A step exchanges bits, by one shuffle for each result:
//
//   unpack32   lane bit 0 <- register's, lane bit 1 <- lane bit 0, register's <- lane bit 1
//   unpack64   lane bit 1 <-> register's
//   quads      top lane bit <- register's, the others above bit 1 move down,
//              register's <- lane bit 2
//   swap       any lane bit <-> register's; two instructions
//
// which are x86's unpck*ps, unpck*pd and shuf*x2. Where 2^a is not 2^b, registers are first joined
// or cut in halves.
#include <algorithm>
#include <bit>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"
#include "core/error.h"

namespace tenon {
namespace {

enum class Step : std::uint8_t { unpack32, unpack64, quads, swap };
struct Exchange {
  Step step;
  int lane_bit;  // of swap
  int slot;      // which bit of the register's number
};

constexpr int first_row_bit = 100;  // names of bits: column bits from 0, row bits from here
bool is_row(int bit) { return bit >= first_row_bit; }

// Where each bit of an element's place lies.
struct Bits {
  std::vector<int> lane, slots;

  void exchange(const Exchange& e) {
    int& slot = slots[e.slot];
    switch (e.step) {
      case Step::unpack32:
        std::swap(lane[0], slot), std::swap(lane[1], slot);
        break;
      case Step::unpack64:
        std::swap(lane[1], slot);
        break;
      case Step::swap:
        std::swap(lane[e.lane_bit], slot);
        break;
      case Step::quads:
        std::rotate(lane.begin() + 2, lane.begin() + 3, lane.end());
        std::swap(lane.back(), slot);
        break;
    }
  }
  int row_slot() const {
    return static_cast<int>(std::find_if(slots.begin(), slots.end(), is_row) - slots.begin());
  }
};

// The lanes of one result of a shuffle of x and y (numbered after x's), for both results.
std::vector<int> mask_of(const Exchange& e, int lanes, int result) {
  std::vector<int> mask(lanes);
  for (int l = 0; l < lanes; l++) {
    const int quad = l / 4 * 4, quads = lanes / 4;
    switch (e.step) {
      case Step::unpack32:
        mask[l] = (l & 1 ? lanes : 0) + quad + 2 * result + (l & 2) / 2;
        break;
      case Step::unpack64:
        mask[l] = (l & 2 ? lanes : 0) + quad + 2 * result + (l & 1);
        break;
      case Step::quads:
        mask[l] = (l / 4 >= quads / 2 ? lanes : 0) + (l / 4 % (quads / 2) * 2 + result) * 4 + l % 4;
        break;
      case Step::swap: {
        const int bit = 1 << e.lane_bit;
        mask[l] = (l & bit ? lanes : 0) + ((l & ~bit) | (result ? bit : 0));
        break;
      }
    }
  }
  return mask;
}

std::vector<Exchange> plan(Bits bits) {
  std::vector<Exchange> steps;
  const auto add = [&](Step step, int lane_bit) {
    steps.push_back({step, lane_bit, bits.row_slot()});
    bits.exchange(steps.back());
  };
  if (bits.lane.size() >= 2 && !is_row(bits.lane[0]) && !is_row(bits.lane[1])) {
    add(Step::unpack32, 0);
    add(Step::unpack64, 1);
  }
  for (int guard = 0; bits.lane.size() > 2 && !is_row(bits.lane[2]) && guard < 8; guard++)
    add(Step::quads, 2);
  for (int i = 0; i < static_cast<int>(bits.lane.size()); i++) {
    if (!is_row(bits.lane[i])) add(Step::swap, i);
  }
  return steps;
}

int bit_count(std::size_t number) { return std::countr_zero(number); }

// Rows of 2^a lanes become columns of 2^b lanes. `row` and `column` are called once each.
void transpose_block(llvm::IRBuilderBase& builder, int columns, int rows,
                     const std::function<llvm::Value*(int)>& row,
                     const std::function<void(int, llvm::Value*)>& column) {
  Bits bits;
  for (int i = 0; i < bit_count(columns); i++) bits.lane.push_back(i);
  for (int i = 0; i < bit_count(rows); i++) bits.slots.push_back(first_row_bit + i);
  for (; bits.lane.size() < static_cast<std::size_t>(bit_count(rows)); bits.slots.pop_back())
    bits.lane.push_back(bits.slots.back());
  for (; bits.lane.size() > static_cast<std::size_t>(bit_count(rows)); bits.lane.pop_back())
    bits.slots.push_back(bits.lane.back());
  const std::vector<Exchange> steps = plan(bits);

  // Row bits are numbered by the lane bit in which they end, so that lanes come out in order.
  Bits end = bits;
  for (const Exchange& e : steps) end.exchange(e);
  const auto row_number = [&](int number) {  // from the numbering of the slots
    int result = 0;
    for (int i = 0; i < bit_count(rows); i++) {
      if (number >> i & 1)
        result |= 1 << (std::find(end.lane.begin(), end.lane.end(), first_row_bit + i) -
                        end.lane.begin());
    }
    return result;
  };
  std::vector<llvm::Value*> registers(rows);
  for (int i = 0; i < rows; i++) registers[i] = row(row_number(i));

  int lanes = columns;
  const auto range = [](int from, int count) {
    std::vector<int> mask(count);
    for (int l = 0; l < count; l++) mask[l] = from + l;
    return mask;
  };
  for (; lanes < rows; lanes *= 2) {  // join
    const std::size_t half = registers.size() / 2;
    for (std::size_t i = 0; i < half; i++) {
      registers[i] =
          builder.CreateShuffleVector(registers[i], registers[i + half], range(0, 2 * lanes));
    }
    registers.resize(half);
  }
  for (; lanes > rows; lanes /= 2) {  // cut
    const std::size_t count = registers.size();
    for (std::size_t i = 0; i < count; i++) {
      registers.push_back(builder.CreateShuffleVector(registers[i], range(lanes / 2, lanes / 2)));
      registers[i] = builder.CreateShuffleVector(registers[i], range(0, lanes / 2));
    }
  }
  for (const Exchange& e : steps) {
    for (std::size_t i = 0; i < registers.size(); i++) {
      if (i >> e.slot & 1) continue;
      llvm::Value*& x = registers[i];
      llvm::Value*& y = registers[i | std::size_t{1} << e.slot];
      llvm::Value* first = builder.CreateShuffleVector(x, y, mask_of(e, lanes, 0));
      y = builder.CreateShuffleVector(x, y, mask_of(e, lanes, 1));
      x = first;
    }
  }
  for (std::size_t i = 0; i < registers.size(); i++) {
    int number = 0;
    for (std::size_t slot = 0; slot < end.slots.size(); slot++) {
      if (i >> slot & 1) number |= 1 << end.slots[slot];
    }
    column(number, registers[i]);
  }
}

}  // namespace

// The axes along which source and target run, if this item is such a copy.
std::optional<Emission::Turn> Emission::turn(const Item& item) const {
  const Store* store = item.store();
  if (!store || store->combine || store->computed || vector_axes_.size() < 2) return {};
  const auto* load = std::get_if<Load>(&store->value->detail);
  if (!load || load->computed || info(store->value->type).bytes != 4) return {};
  const Index source = flat(load->tensor, load->at), target = flat(store->tensor, store->at);
  for (const Var column : vector_axes_) {
    for (const Var row : vector_axes_) {
      if (row == column || source.coefficient(column) != 1 || target.coefficient(row) != 1 ||
          source.coefficient(row) == 1 || target.coefficient(column) == 1)
        continue;
      const auto is_power = [&](Var v) {
        return std::has_single_bit(static_cast<std::uint64_t>(kernel_.axes[v].extent));
      };
      if (is_power(column) && is_power(row)) return Turn{column, row};
    }
  }
  return {};
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
      const auto read_row = [&](int i) {
        at(turn.row, row + i, {turn.column, column, columns});
        return widen(value(store.value));
      };
      const auto write_column = [&](int i, llvm::Value* lanes) {
        at(turn.column, column + i, {turn.row, row, rows});
        write(access(store.tensor, store.at, -1, nullptr), lanes, mask_, store.stream);
      };
      transpose_block(builder_, columns, rows, read_row, write_column);
    }
  }
  mask_ = nullptr;
  values_.clear();
  indices_.state.lanes = {};
  indices_.set_lanes(turn.row);
  indices_.set_lanes(turn.column);
}

}  // namespace tenon
