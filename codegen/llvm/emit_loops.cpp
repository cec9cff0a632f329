#include <algorithm>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>

#include "codegen/llvm/emission.h"
#include "lower/tree.h"

namespace tenon {

void Emission::emit_kernel() {
  llvm::Type* pointer = builder_.getPtrTy();
  llvm::Function* function =
      begin_body("kernel", false, {pointer, pointer, pointer, pointer, pointer});
  body_.buffers = function->getArg(0);
  body_.launch_scratch = function->getArg(2);
  body_.thread_scratch = function->getArg(3);
  body_.runtime = function->getArg(4);
  emit(kernel_.body);
  end_body();
}

llvm::Function* Emission::begin_body(const std::string& name, bool is_parallel,
                                     const std::vector<llvm::Type*>& arguments) {
  auto* function = llvm::Function::Create(
      llvm::FunctionType::get(builder_.getVoidTy(), arguments, false),
      is_parallel ? llvm::Function::InternalLinkage : llvm::Function::ExternalLinkage, name,
      module_);
  body_ = {.function = function, .is_parallel = is_parallel};
  llvm::LLVMContext& context = module_.getContext();
  auto* entry = llvm::BasicBlock::Create(context, "entry", function);
  auto* start = llvm::BasicBlock::Create(context, "start", function);
  builder_.SetInsertPoint(entry);
  indices_.state.frames = {{.place = builder_.CreateBr(start)}};
  builder_.SetInsertPoint(start);
  return function;
}

void Emission::end_body() {
  if (body_.streams) builder_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  builder_.CreateRetVoid();
}

llvm::Value* Emission::least(llvm::Value* a, llvm::Value* b) {
  return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
}

void Emission::when(llvm::Value* condition, const std::function<void()>& body) {
  if (!condition) return body();
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(condition)) {
    if (constant->isOne()) body();
    return;
  }
  llvm::LLVMContext& context = module_.getContext();
  auto* yes = llvm::BasicBlock::Create(context, "when", body_.function);
  auto* after = llvm::BasicBlock::Create(context, "after", body_.function);
  builder_.CreateCondBr(condition, yes, after);
  builder_.SetInsertPoint(yes);
  body();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
}

// Ranges that vary between lanes wait for the statement, where they become its mask.
void Emission::when(const std::vector<Range>& ranges, const std::function<void()>& body) {
  const std::size_t before = lane_conditions_.size();
  std::vector<Range> uniform;
  for (const Range& range : ranges)
    (indices_.has_lanes(range.index) ? lane_conditions_ : uniform).push_back(range);
  when(all_hold(uniform), body);
  lane_conditions_.resize(before);
}

void Emission::emit(const std::vector<Item>& items) {
  for (const Item& item : items) {
    when(item.when, [&] {
      if (const Loop* loop = item.loop())
        emit(*loop);
      else
        statement(item);
    });
  }
}

// The end of a loop as its limits set it. What does not bound the loop is added to `guards`.
llvm::Value* Emission::upper_end(const Loop& loop, std::vector<Range>& guards) {
  const std::int64_t extent = kernel_.axes[loop.axis].extent;
  llvm::Value* end = builder_.getInt64(extent);
  for (const Range& guard : limits_at(loop.axis)) {
    const std::int64_t coefficient = guard.index.coefficient(loop.axis);
    const Index rest = guard.index - Index::var(loop.axis) * coefficient;
    if (coefficient <= 0 || rest.uses(loop.axis) || indices_.has_lanes(rest)) {
      guards.push_back(guard);
      continue;
    }
    // axis < ceil((bound - rest) / coefficient)
    const Index room = Index(guard.high + coefficient - 1) - rest;
    if (indices_.bounds(room).low / coefficient >= extent) continue;
    llvm::Value* limited = indices_.uniform(indices_.linear(room));
    if (coefficient > 1) limited = builder_.CreateSDiv(limited, builder_.getInt64(coefficient));
    end = least(end, limited);
  }
  return end;
}

// What the limits say of one iteration of a loop over the axis, given the loops around it.
std::vector<Range> Emission::limits_at(Var axis) const {
  std::vector<Range> ranges;
  for (const Limit& limit : kernel_.limits) {
    if (!limit.index.uses(axis)) continue;
    const auto index = tenon::least(
        limit.index, [&](Var v) { return v == axis || indices_.is_present(Index::var(v)); });
    if (index) ranges.push_back({*index, -unknown, limit.bound});
  }
  return ranges;
}

void Emission::emit(const Loop& loop) {
  const Axis& axis = kernel_.axes[loop.axis];
  if (axis.tag == Tag::vector && axis.extent > 1) return emit_lanes(loop);
  if (axis.tag == Tag::unroll || axis.extent == 1) return emit_unrolled(loop);
  std::vector<Range> guards;
  llvm::Value* end = upper_end(loop, guards);
  if (axis.tag == Tag::parallel && !body_.is_parallel) return emit_parallel(loop, end, guards);
  emit_serial(loop, {.begin = builder_.getInt64(0), .end = end}, guards);
}

void Emission::emit_unrolled(const Loop& loop) {
  const std::vector<Range> guards = limits_at(loop.axis);
  for (std::int64_t i = 0; i < kernel_.axes[loop.axis].extent; i++) {
    indices_.set_constant(loop.axis, i);
    when(guards, [&] { emit(loop.body); });
  }
  indices_.forget(loop.axis);
}

void Emission::emit_lanes(const Loop& loop) {
  const std::vector<Range> conditions = limits_at(loop.axis);
  vector_axes_.push_back(loop.axis);
  indices_.set_lanes(loop.axis);
  when(conditions, [&] { emit(loop.body); });
  indices_.forget(loop.axis);
  vector_axes_.pop_back();
}

void Emission::loop_over(const Span& span, const std::function<void(llvm::Value*)>& body) {
  llvm::LLVMContext& context = module_.getContext();
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  auto* head = llvm::BasicBlock::Create(context, "loop", body_.function);
  auto* inside = llvm::BasicBlock::Create(context, "body", body_.function);
  auto* after = llvm::BasicBlock::Create(context, "done", body_.function);
  const auto* begin = llvm::dyn_cast<llvm::ConstantInt>(span.begin);
  const auto* end = llvm::dyn_cast<llvm::ConstantInt>(span.end);
  if (begin && end && begin->getSExtValue() < end->getSExtValue()) {
    builder_.CreateBr(head);
  } else {
    builder_.CreateCondBr(builder_.CreateICmpSLT(span.begin, span.end), head, after);
  }
  builder_.SetInsertPoint(head);
  llvm::PHINode* counter = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  counter->addIncoming(span.begin, before);
  indices_.state.frames.push_back({.place = builder_.CreateBr(inside)});
  if (span.is_innermost) {
    indices_.state.frames.back().counter = counter;
    indices_.state.frames.back().step = span.step;
  }
  builder_.SetInsertPoint(inside);
  body(counter);
  indices_.advance();
  indices_.state.frames.pop_back();
  llvm::Value* next = builder_.CreateNSWAdd(counter, builder_.getInt64(span.step));
  counter->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, span.end), head, after);
  builder_.SetInsertPoint(after);
}

void Emission::emit_serial(const Loop& loop, Span span, const std::vector<Range>& guards) {
  if (guards.empty()) {
    if (const auto stream = streamed(loop)) return emit_streamed(loop, span, *stream);
  }
  const std::optional<Peel> peeled = peel(loop, span);
  if (!peeled) return emit_part(loop, span, guards);
  knowing(peeled->whole, [&] { emit_part(loop, {span.begin, peeled->middle}, guards); });
  knowing(peeled->ragged, [&] { emit_part(loop, {peeled->middle, span.end}, guards); });
}

void Emission::emit_part(const Loop& loop, Span span, const std::vector<Range>& guards) {
  span.is_innermost = true;
  visit(loop.body, [&](const Item& item, const Way&) {
    span.is_innermost = span.is_innermost && (!item.loop() || is_expanded(item.loop()->axis));
  });
  loop_over(span, [&](llvm::Value* counter) {
    indices_.set_loop(loop.axis, counter, span.step);
    when(guards, [&] { emit(loop.body); });
  });
  indices_.forget(loop.axis);
}

void Emission::knowing(const std::vector<Range>& facts, const std::function<void()>& body) {
  const std::size_t before = indices_.facts.size();
  indices_.facts.insert(indices_.facts.end(), facts.begin(), facts.end());
  body();
  indices_.facts.resize(before);
}

// A loop is peeled for the limits in which it is the innermost one that is not unrolled or a
// vector: tiles that begin low enough need no guards. Where tiles begin at multiples of their size,
// the ragged one begins at a known place, and so its copies and masks are known too.
std::optional<Emission::Peel> Emission::peel(const Loop& loop, const Span& span) {
  std::optional<Peel> result;
  const auto is_inside = [&](Var v) {
    return v != loop.axis && !indices_.is_present(Index::var(v));
  };
  for (const Limit& limit : kernel_.limits) {
    const std::int64_t step = limit.index.coefficient(loop.axis);
    if (limit.tail != Tail::peel || step <= 0 || !limit.index.is_affine()) continue;
    const Parts parts = take_apart(limit.index, is_inside);
    const std::vector<Var> tile = parts.moving.vars();
    const bool is_tiled = std::ranges::all_of(
        tile, [&](Var v) { return limit.index.coefficient(v) > 0 && is_expanded(v); });
    bool is_nested = false;  // its loops, one inside the other
    visit(loop.body, [&](const Item&, const Way& way) {
      const auto is_around = [&](Var v) { return contains(way.path, v); };
      is_nested = is_nested || std::ranges::all_of(tile, is_around);
    });
    if (tile.empty() || !is_tiled || !is_nested || indices_.has_lanes(parts.still)) continue;
    // start + length <= bound
    const Index start = parts.still + Index(limit.index.constant());  // of a tile
    const std::int64_t length = indices_.bounds(limit.index - start).high + 1;
    if (indices_.bounds(start).high + length <= limit.bound) continue;
    const Index room = Index(limit.bound - length + step) - (start - Index::var(loop.axis) * step);
    llvm::Value* middle =
        builder_.CreateSDiv(indices_.uniform(indices_.linear(room)), builder_.getInt64(step));
    middle = least(middle, span.end);
    middle = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, middle, span.begin);
    const Range whole{start, -unknown, limit.bound - length + 1};
    if (!result) {
      result = {middle, {whole}, {}};
      const bool is_even = std::ranges::all_of(
          start.terms(), [&](const Index::Term& term) { return term.coefficient % step == 0; });
      const std::int64_t last = limit.bound / step * step;
      if (is_even && start.constant() == 0 && length <= step)
        result->ragged = {{start, last, last + 1}};
    } else if (!(result->whole[0] == whole)) {
      result->middle = least(result->middle, middle);
      result->whole.push_back(whole);
      result->ragged.clear();
    }
  }
  return result;
}

// The body becomes a function of its own. Its context is an array of words on the stack: the
// kernel's pointers, then the variables of the loops around.
void Emission::emit_parallel(const Loop& loop, llvm::Value* count,
                             const std::vector<Range>& guards) {
  llvm::Type* word = builder_.getInt64Ty();
  llvm::Type* pointer = builder_.getPtrTy();
  const Body outer_body = body_;
  const Indices::State outer_state = indices_.state;
  std::vector<llvm::Value**> words = {&body_.buffers, &body_.launch_scratch, &body_.runtime};
  for (Indices::Axes& axis : indices_.state.axes) {
    if (axis.kind == Indices::Axes::Kind::loop) words.push_back(&axis.value);
    axis.depth = 0;  // inside, all of them are known from the start
  }
  llvm::IRBuilder<> entry(indices_.state.frames[0].place);
  llvm::Value* context = entry.CreateAlloca(llvm::ArrayType::get(word, words.size()));
  for (std::size_t i = 0; i < words.size(); i++)
    builder_.CreateStore(*words[i], builder_.CreateConstGEP1_64(word, context, i));

  const auto return_to = builder_.saveIP();
  llvm::Function* function =
      begin_body(kernel_.axes[loop.axis].name, true, {pointer, word, word, pointer});
  body_.thread_scratch = function->getArg(3);
  llvm::IRBuilder<> inner(indices_.state.frames[0].place);
  for (std::size_t i = 0; i < words.size(); i++) {
    llvm::Value* place = inner.CreateConstGEP1_64(word, function->getArg(0), i);
    *words[i] = inner.CreateLoad(i < 3 ? pointer : word, place);
  }
  emit_serial(loop, {.begin = function->getArg(1), .end = function->getArg(2)}, guards);
  end_body();

  body_ = outer_body;
  indices_.state = outer_state;
  builder_.restoreIP(return_to);
  auto* call_type =
      llvm::FunctionType::get(builder_.getVoidTy(), {pointer, pointer, pointer, word}, false);
  llvm::Value* parallel = builder_.CreateLoad(pointer, body_.runtime);
  builder_.CreateCall(call_type, parallel, {body_.runtime, function, context, count});
}

}  // namespace tenon
