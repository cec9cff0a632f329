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
  body_ = {.is_parallel = is_parallel, .thread_scratch = function->getArg(3)};
  builder_.SetInsertPoint(llvm::BasicBlock::Create(module_.getContext(), "entry", function));
  llvm::BasicBlock* start = block("start");
  indices_.state.frames = {{.place = builder_.CreateBr(start)}};
  builder_.SetInsertPoint(start);
  return function;
}

void Emission::end_body() {
  if (body_.streams) builder_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  builder_.CreateRetVoid();
}

// A new block, at the end of the function that is being emitted.
llvm::BasicBlock* Emission::block(const char* name) {
  return llvm::BasicBlock::Create(module_.getContext(), name,
                                  builder_.GetInsertBlock()->getParent());
}

void Emission::when(llvm::Value* condition, const std::function<void()>& body) {
  if (!condition || condition == builder_.getTrue()) return body();
  if (condition == builder_.getFalse()) return;
  llvm::BasicBlock *yes = block("when"), *after = block("after");
  builder_.CreateCondBr(condition, yes, after);
  builder_.SetInsertPoint(yes);
  body();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
}

// Items that stand side by side under the same condition share one branch. The branch on the first
// `settled` conditions of each item has been emitted already.
void Emission::emit(std::span<const Item> items, std::size_t settled) {
  while (!items.empty()) {
    const Item& first = items.front();
    const auto conditions = std::span(first.when).subspan(settled);
    const auto differs = [&](const Item& item) {
      return item.when.size() <= settled || !(item.when[settled] == conditions[0]);
    };
    std::size_t count = 1;
    if (!conditions.empty() && indices_.is_present(conditions[0].index))
      count = std::ranges::find_if(items.subspan(1), differs) - items.begin();
    if (count > 1)
      when(indices_.holds(conditions[0]), [&] { emit(items.first(count), settled + 1); });
    else if (const Loop* loop = first.loop())
      when(all_hold(conditions), [&] { emit(*loop); });
    else
      statement(first, conditions);
    items = items.subspan(count);
  }
}

void Emission::emit(const Loop& loop) {
  const Tag tag = kernel_.axes[loop.axis].tag;
  if (tag == Tag::unroll) return emit_unrolled(loop);
  const auto most = [&](const Index& start, const std::vector<Index>& of, llvm::Intrinsic::ID id) {
    llvm::Value* result = indices_.uniform(indices_.linear(start));
    for (const Index& index : of)
      result = builder_.CreateBinaryIntrinsic(id, result, indices_.uniform(indices_.linear(index)));
    return result;
  };
  llvm::Value* begin = most(0, loop.begins, llvm::Intrinsic::smax);
  llvm::Value* end = most(kernel_.extent(loop.axis), loop.ends, llvm::Intrinsic::smin);
  if (tag == Tag::parallel && !body_.is_parallel) return emit_parallel(loop, end);
  emit_serial(loop, begin, end);
}

void Emission::emit_unrolled(const Loop& loop) {
  std::int64_t begin = 0, end = kernel_.extent(loop.axis);
  for (const Index& index : loop.begins) begin = std::max(begin, indices_.bounds(index).high);
  for (const Index& index : loop.ends) end = std::min(end, indices_.bounds(index).low);
  for (std::int64_t i = begin; i < end; i++) {
    indices_.set(loop.axis, builder_.getInt64(i));
    emit(loop.body);
  }
  indices_.forget(loop.axis);
}

void Emission::emit_serial(const Loop& loop, llvm::Value* begin, llvm::Value* end) {
  bool is_innermost = true;
  visit(loop.body, [&](const Item& item, const Way&) {
    const Loop* inner = item.loop();
    if (inner && kernel_.axes[inner->axis].tag != Tag::unroll) is_innermost = false;
  });
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock *head = block("loop"), *inside = block("body"), *after = block("done");
  llvm::Value* runs = builder_.CreateICmpSLT(begin, end);
  if (runs == builder_.getTrue())
    builder_.CreateBr(head);
  else
    builder_.CreateCondBr(runs, head, after);
  builder_.SetInsertPoint(head);
  llvm::PHINode* counter = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  counter->addIncoming(begin, before);
  indices_.state.frames.push_back(
      {.place = builder_.CreateBr(inside), .counter = is_innermost ? counter : nullptr});
  builder_.SetInsertPoint(inside);
  indices_.set(loop.axis, counter);
  emit(loop.body);
  indices_.forget(loop.axis);
  indices_.advance();
  indices_.state.frames.pop_back();
  llvm::Value* next = builder_.CreateNSWAdd(counter, builder_.getInt64(1));
  counter->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, end), head, after);
  builder_.SetInsertPoint(after);
}

// The body becomes a function of its own. Its context is an array of words on the stack: the
// kernel's pointers, then the variables of the loops around.
void Emission::emit_parallel(const Loop& loop, llvm::Value* end) {
  llvm::Type* word = builder_.getInt64Ty();
  llvm::Type* pointer = builder_.getPtrTy();
  const Body outer_body = body_;
  const Indices::State outer_state = indices_.state;
  std::vector<llvm::Value**> words = {&body_.buffers, &body_.launch_scratch, &body_.runtime};
  for (Indices::Known& axis : indices_.state.axes) {
    if (axis.value && !llvm::isa<llvm::Constant>(axis.value)) words.push_back(&axis.value);
    axis.depth = 0;  // inside, all of them are known from the start
  }
  llvm::IRBuilder<> entry(indices_.state.frames[0].place);
  llvm::Value* context = entry.CreateAlloca(llvm::ArrayType::get(word, words.size()));
  for (std::size_t i = 0; i < words.size(); i++)
    builder_.CreateStore(*words[i], builder_.CreateConstGEP1_64(word, context, i));

  const auto return_to = builder_.saveIP();
  llvm::Function* function =
      begin_body(kernel_.axes[loop.axis].name, true, {pointer, word, word, pointer});
  llvm::IRBuilder<> inner(indices_.state.frames[0].place);
  for (std::size_t i = 0; i < words.size(); i++) {
    llvm::Value* place = inner.CreateConstGEP1_64(word, function->getArg(0), i);
    *words[i] = inner.CreateLoad(i < 3 ? pointer : word, place);
  }
  emit_serial(loop, function->getArg(1), function->getArg(2));
  end_body();

  body_ = outer_body;
  indices_.state = outer_state;
  builder_.restoreIP(return_to);
  auto* call_type =
      llvm::FunctionType::get(builder_.getVoidTy(), {pointer, pointer, pointer, word}, false);
  llvm::Value* parallel = builder_.CreateLoad(pointer, body_.runtime);
  builder_.CreateCall(call_type, parallel, {body_.runtime, function, context, end});
}

}  // namespace tenon
