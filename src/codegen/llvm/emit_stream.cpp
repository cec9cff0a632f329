// Loops of non-temporal stores. Such a store must be aligned to its vector, so a loop over pieces
// of a row, `for j { for lane vector { y[j * W + lane] = .. stream } }`, is emitted over single
// elements t = j * W + lane instead: a masked head up to the first aligned element, whole vectors,
// a masked tail.
#include <algorithm>
#include <limits>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "codegen/llvm/emission.h"

namespace tenon {
namespace {

using EachIndex = std::function<bool(const Index&)>;
using Flat = std::function<Index(int, const std::vector<Index>&)>;  // Emission::flat

bool all_ranges(const std::vector<Range>& ranges, const EachIndex& holds) {
  return std::ranges::all_of(ranges, [&](const Range& range) { return holds(range.index); });
}

// Does every index in the value satisfy `holds`? Of a load, it is the place in memory that counts.
bool all_indices(const ValueRef& value, const Flat& flat, const EachIndex& holds) {
  if (!value) return true;
  if (const auto* load = std::get_if<Load>(&value->detail)) {
    if (load->computed) return false;
    return holds(flat(load->tensor, load->at)) && all_ranges(load->inside, holds);
  }
  if (const auto* index = std::get_if<IndexValue>(&value->detail)) return holds(index->index);
  if (const auto* inside = std::get_if<Inside>(&value->detail))
    return all_ranges(inside->ranges, holds);
  if (const auto* apply = std::get_if<Apply>(&value->detail)) {
    return std::ranges::all_of(apply->operands, [&](const ValueRef& operand) {
      return all_indices(operand, flat, holds);
    });
  }
  const auto* fold = std::get_if<Fold>(&value->detail);
  return !fold || std::ranges::all_of(fold->at, holds);
}

}  // namespace

// The store of such a loop, or null.
const Store* Emission::streamed(const Loop& loop) const {
  if (loop.body.size() != 1 || !loop.body[0].when.empty() || !vector_axes_.empty()) return nullptr;
  const Loop* inner = loop.body[0].loop();
  if (!inner || kernel_.axes[inner->axis].tag != Tag::vector || inner->body.size() != 1 ||
      !inner->body[0].when.empty())
    return nullptr;
  const Store* store = inner->body[0].store();
  if (!store || !store->stream || store->combine || store->computed) return nullptr;
  const KernelTensor& tensor = kernel_.tensors[store->tensor];
  const std::int64_t width = kernel_.axes[inner->axis].extent;
  const int bytes = info(tensor.type).bytes;
  if (tensor.where != Where::argument || bytes != 4 || width * bytes % vector_bytes(isa_) != 0)
    return nullptr;
  // Both axes must come as t everywhere.
  const auto is_run = [&](const Index& index) {
    const std::int64_t lane = index.coefficient(inner->axis);
    const Index rest =
        index - Index::var(inner->axis) * lane - Index::var(loop.axis) * (lane * width);
    return !rest.uses(inner->axis) && !rest.uses(loop.axis);
  };
  const Index target = flat(store->tensor, store->at);
  if (target.coefficient(inner->axis) != 1 || !is_run(target)) return nullptr;
  const auto place = [&](int from, const std::vector<Index>& at) { return flat(from, at); };
  if (!all_indices(store->value, place, is_run)) return nullptr;
  const bool limits_are_runs = std::ranges::all_of(kernel_.limits, [&](const Limit& limit) {
    if (!limit.index.uses(inner->axis)) return true;
    const std::int64_t lane = limit.index.coefficient(inner->axis);
    const Index rest = limit.index - Index::var(inner->axis) * lane;
    return lane == 1 && is_run(limit.index) &&
           indices_.is_present(rest - Index::var(loop.axis) * width);
  });
  return limits_are_runs ? store : nullptr;
}

void Emission::emit_streamed(const Loop& loop, const Span& span, const Store& store) {
  const Var lane_axis = loop.body[0].loop()->axis;
  const std::int64_t width = kernel_.axes[lane_axis].extent;
  const int vector = vector_bytes(isa_);
  const auto number = [&](std::int64_t value) { return builder_.getInt64(value); };
  const auto least = [&](llvm::Value* a, llvm::Value* b) {
    return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  };

  llvm::Value* begin = builder_.CreateMul(span.begin, number(width));
  llvm::Value* end = builder_.CreateMul(span.end, number(width));
  for (const Limit& limit : kernel_.limits) {
    if (!limit.index.uses(lane_axis)) continue;
    const Index rest =
        limit.index - Index::var(lane_axis) - Index::var(loop.axis) * width - limit.bound;
    end = least(end, builder_.CreateNeg(indices_.uniform(indices_.linear(rest))));
  }

  // The first element at or after `begin` that is aligned.
  const Index row =
      flat(store.tensor, store.at) - Index::var(lane_axis) - Index::var(loop.axis) * width;
  llvm::Value* start = builder_.CreateGEP(
      builder_.getInt32Ty(), address({store.tensor, indices_.linear(row), nullptr, nullptr, false}),
      begin);
  llvm::Value* past = builder_.CreateNeg(builder_.CreatePtrToInt(start, builder_.getInt64Ty()));
  llvm::Value* head = builder_.CreateLShr(builder_.CreateAnd(past, number(vector - 1)), 2);
  llvm::Value* aligned = least(builder_.CreateAdd(begin, head), end);
  // After whole vectors.
  llvm::Value* room = builder_.CreateSub(end, aligned);
  llvm::Value* tail = builder_.CreateAdd(
      aligned, builder_.CreateSub(room, builder_.CreateSRem(room, number(width))));

  const auto part = [&](llvm::Value* from, llvm::Value* to, bool is_masked) {
    loop_over({.begin = from, .end = to, .step = width, .is_innermost = true}, [&](llvm::Value* t) {
      indices_.set_loop(loop.axis, t, width);
      indices_.set_lanes(lane_axis);
      const std::int64_t widest = std::min<std::int64_t>(width, widest_piece());
      for (std::int64_t first = 0; first < width; first += widest) {
        const auto count = static_cast<int>(std::min(widest, width - first));
        indices_.state.lanes = {lane_axis, first, count};
        if (is_masked) {
          std::vector<llvm::Constant*> lanes;
          for (int lane = 0; lane < count; lane++) lanes.push_back(number(first + lane));
          mask_ = builder_.CreateICmpSLT(llvm::ConstantVector::get(lanes),
                                         widen(builder_.CreateSub(to, t)));
        }
        body_.is_aligned = !is_masked;
        this->store(store);
        mask_ = nullptr;
        values_.clear();
      }
      body_.is_aligned = false;
      indices_.state.lanes = {};
      indices_.forget(lane_axis);
    });
  };
  part(begin, aligned, true);
  part(aligned, tail, false);
  part(tail, end, true);
  indices_.forget(loop.axis);
}

}  // namespace tenon
