#include "codegen/llvm/indices.h"

#include <algorithm>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>

#include "core/error.h"

namespace tenon {
namespace {

// The first number of a key in Frame::known. The key of a sum starts with the identity of its base.
enum Kinds : std::int64_t { a_division = -1, a_condition = -2 };

// Tells the values of a function apart; 0 for null.
std::int64_t identity(const llvm::Value* value) { return reinterpret_cast<std::intptr_t>(value); }

// Keeps the parts in the order of their depths.
void insert(std::vector<Summand>& parts, const Summand& part) {
  parts.insert(std::ranges::upper_bound(parts, part.depth, {}, &Summand::depth), part);
}

void append(std::vector<std::int64_t>& key, std::span<const Summand> parts) {
  for (const Summand& part : parts) key.insert(key.end(), {part.coefficient, identity(part.value)});
}

}  // namespace

int Linear::depth() const {
  const auto last = [](const auto& parts) { return parts.empty() ? 0 : parts.back().depth; };
  return std::max(last(uniform), last(varying));
}

Indices::Indices(llvm::IRBuilderBase& builder, const Kernel& kernel)
    : builder_(builder), kernel_(kernel) {
  state.axes.resize(kernel.axes.size());
}

bool Indices::is_present(const Index& index) const {
  return std::ranges::all_of(index.vars(), [&](Var v) { return is_present(v); });
}

Bounds Indices::bounds(const Index& index) const {
  return tenon::bounds(index, [this](Var v) {
    const auto* constant = llvm::dyn_cast_or_null<llvm::ConstantInt>(state.axes[v].value);
    if (!constant) return Bounds{0, kernel_.axes[v].extent - 1};
    return Bounds{constant->getSExtValue(), constant->getSExtValue()};
  });
}

Linear Indices::linear(const Index& index) {
  Linear result;
  result.constant = index.constant();
  for (const Index::Term& term : index.terms()) {
    const bool is_var = term.kind == Index::Kind::var;
    check(!is_var || is_present(term.var), [&] {
      return fmt::format("axis {} is used outside its loop", kernel_.axes[term.var].name);
    });
    if (const Bounds of = bounds(Index::of(term)); of.low == of.high) {
      result.constant += of.low;
    } else if (is_var && term.var == state.lanes.axis) {
      result.stride += term.coefficient;
    } else if (is_var) {
      const Known& loop = state.axes[term.var];
      insert(result.uniform, {term.coefficient, loop.depth, loop.value});
    } else {
      const Linear inner = linear(*term.inner);
      insert(inner.is_uniform() ? result.uniform : result.varying,
             {term.coefficient, inner.depth(), division(term, inner)});
    }
  }
  return result;
}

std::vector<std::int64_t> Indices::key(std::vector<std::int64_t> start, const Linear& index) const {
  start.insert(start.end(), {index.constant, index.stride});
  if (!index.is_uniform()) start.push_back(state.lanes.count);
  for (const auto* parts : {&index.uniform, &index.varying}) {
    append(start, *parts);
    start.push_back(INT64_MIN);  // ends the list
  }
  return start;
}

llvm::Value* Indices::once(int depth, const std::vector<std::int64_t>& key,
                           const std::function<llvm::Value*()>& make) {
  Frame& frame = state.frames[depth];
  if (const auto found = frame.known.find(key); found != frame.known.end()) return found->second;
  llvm::IRBuilderBase::InsertPointGuard guard(builder_);
  builder_.SetInsertPoint(frame.place);
  return frame.known[key] = make();
}

llvm::Value* Indices::division(const Index::Term& term, const Linear& inner) {
  const auto kind = static_cast<std::int64_t>(term.kind);
  return once(inner.depth(), key({a_division, kind, term.divisor}, inner), [&] {
    // The machine rounds towards zero. So a multiple of the divisor is added first, with which no
    // value is negative.
    const Bounds of = bounds(*term.inner);
    const std::int64_t times = of.low < 0 ? (term.divisor - 1 - of.low) / term.divisor : 0;
    const std::int64_t added = times * term.divisor;
    Linear index = inner;
    index.constant += added;
    llvm::Type* integer = integer_for({of.low + added, std::max(of.high + added, term.divisor)});
    llvm::Value* value = index.is_uniform() ? uniform(index) : vector(index, integer);
    llvm::Value* divisor = llvm::ConstantInt::get(value->getType(), term.divisor);
    if (term.kind == Index::Kind::mod) return builder_.CreateURem(value, divisor);
    llvm::Value* quotient = builder_.CreateUDiv(value, divisor);
    return builder_.CreateSub(quotient, llvm::ConstantInt::get(value->getType(), times));
  });
}

llvm::Value* Indices::sum(llvm::Value* base, llvm::Type* element, std::span<const Summand> parts) {
  if (parts.empty()) return base;
  const int depth = parts.back().depth;
  const auto outer = std::ranges::lower_bound(parts, depth, {}, &Summand::depth) - parts.begin();
  std::vector<std::int64_t> key = {identity(base)};
  append(key, parts);
  return once(depth, key, [&]() -> llvm::Value* {
    llvm::Value* before = sum(base, element, parts.first(outer));
    Frame& frame = state.frames[depth];
    if (frame.counter && std::ssize(parts) == outer + 1 && parts[outer].value == frame.counter)
      return induction(frame, before, element, parts[outer].coefficient);
    llvm::Value* offset = nullptr;
    for (const Summand& part : parts.subspan(outer)) {
      llvm::Value* value = builder_.CreateMul(part.value, builder_.getInt64(part.coefficient));
      offset = offset ? builder_.CreateAdd(offset, value) : value;
    }
    return plus(before, offset, element);
  });
}

llvm::Value* Indices::plus(llvm::Value* value, llvm::Value* offset, llvm::Type* element) {
  if (!value) return offset;
  return element ? builder_.CreateGEP(element, value, offset) : builder_.CreateAdd(value, offset);
}

// before + coefficient * counter, kept in a register that grows with the counter.
llvm::Value* Indices::induction(Frame& frame, llvm::Value* before, llvm::Type* element,
                                std::int64_t coefficient) {
  llvm::BasicBlock* around = frame.counter->getIncomingBlock(0);
  builder_.SetInsertPoint(around->getTerminator());
  llvm::Value* begin =
      builder_.CreateMul(frame.counter->getIncomingValue(0), builder_.getInt64(coefficient));
  begin = plus(before, begin, element);
  builder_.SetInsertPoint(frame.counter);
  llvm::PHINode* value = builder_.CreatePHI(begin->getType(), 2);
  value->addIncoming(begin, around);
  frame.inductions.push_back({value, coefficient, element});
  return value;
}

void Indices::advance() {
  for (const Induction& induction : state.frames.back().inductions) {
    llvm::Value* growth = builder_.getInt64(induction.growth);
    induction.value->addIncoming(plus(induction.value, growth, induction.element),
                                 builder_.GetInsertBlock());
  }
}

llvm::Value* Indices::pointer(llvm::Value* base, llvm::Type* element, const Linear& index) {
  llvm::Value* value = sum(base, element, index.uniform);
  if (value && index.constant == 0) return value;
  return plus(value, builder_.getInt64(index.constant), element);
}

llvm::Type* Indices::integer_for(const Bounds& bounds) const {
  const bool is_short = llvm::isInt<32>(bounds.low) && llvm::isInt<32>(bounds.high);
  return is_short ? builder_.getInt32Ty() : builder_.getInt64Ty();
}

llvm::Value* Indices::vector(const Linear& index, llvm::Type* element) {
  const int count = state.lanes.count;
  llvm::Type* type = llvm::VectorType::get(element, count, false);
  const auto constant = [&](std::int64_t n) { return llvm::ConstantInt::getSigned(type, n); };
  llvm::Value* value =
      builder_.CreateVectorSplat(count, builder_.CreateTrunc(uniform(index), element));
  value = builder_.CreateAdd(
      value, builder_.CreateMul(builder_.CreateStepVector(type), constant(index.stride)));
  for (const Summand& part : index.varying) {
    llvm::Value* varying = builder_.CreateSExtOrTrunc(part.value, type);
    value = builder_.CreateAdd(value, builder_.CreateMul(varying, constant(part.coefficient)));
  }
  return value;
}

llvm::Value* Indices::holds(const Range& range) {
  const Bounds of = bounds(range.index);
  if (of.low >= range.low && of.high < range.high) return nullptr;
  if (of.high < range.low || of.low >= range.high) return builder_.getFalse();
  const Linear index = linear(range.index);
  const bool has_low = of.low < range.low, has_high = of.high >= range.high;
  return once(index.depth(), key({a_condition, range.low, range.high}, index), [&] {
    const Bounds compared{has_high ? std::min(of.low, range.high) : of.low,
                          has_low ? std::max(of.high, range.low) : of.high};
    llvm::Value* value = index.is_uniform() ? uniform(index) : vector(index, integer_for(compared));
    const auto number = [&](std::int64_t n) {
      return llvm::ConstantInt::getSigned(value->getType(), n);
    };
    llvm::Value* above = has_low ? builder_.CreateICmpSGE(value, number(range.low)) : nullptr;
    if (!has_high) return above;
    llvm::Value* below = builder_.CreateICmpSLT(value, number(range.high));
    return above ? builder_.CreateAnd(above, below) : below;
  });
}

}  // namespace tenon
