// Emission: one finished nest on its way to LLVM IR. Loops are walked once, `unroll` ones expanded
// with their constants; every statement comes out as vector code for the vector axes around it.
// Files: emit_loops.cpp (loops, limits, parallel bodies), emit_statements.cpp (stores, masks),
// Used by emit.cpp alone. Read first: indices.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codegen/compile.h"
#include "codegen/llvm/indices.h"

namespace llvm {
class AllocaInst;
class BasicBlock;
class Constant;
class Function;
class FunctionType;
class LLVMContext;
class Module;
}  // namespace llvm

namespace tenon {

class Emission {
 public:
  Emission(const FinishedKernel& finished, Isa isa, llvm::Module& module,
           llvm::IRBuilderBase& builder);
  void emit_kernel();

 private:
  // The function being emitted: the kernel itself or the body of a parallel loop.
  struct Body {
    llvm::Function* function = nullptr;
    llvm::Value* buffers = nullptr;
    llvm::Value* shared_scratch = nullptr;
    llvm::Value* thread_scratch = nullptr;
    llvm::Value* runtime = nullptr;
    bool is_parallel = false;
    bool streams = false;               // has non-temporal stores, which a fence must follow
    bool is_aligned = false;            // the statement's stores to a stream are
    std::map<int, llvm::Value*> bases;  // by tensor
  };
  // A serial loop's range, and where its values go.
  struct Span {
    llvm::Value* begin;
    llvm::Value* end;
    std::int64_t step = 1;
    bool is_innermost = false;
  };
  // A loop in two parts: whole tiles up to `middle`, the ragged one after it.
  struct Peel {
    llvm::Value* middle;
    std::vector<Range> whole, ragged;
  };
  // Where an access goes: base + index (+ computed), in elements, and when it may touch memory.
  struct Access {
    int tensor;
    Linear index;
    llvm::Value* computed = nullptr;  // i64 or a vector of them
    llvm::Value* valid = nullptr;     // null: always
    bool in_bounds = false;           // for all values of the axes
  };
  using Path = std::vector<Var>;

  // emit_loops.cpp
  void emit(const std::vector<Item>& items);
  void emit(const Item& item);
  void emit(const Loop& loop);
  void emit_unrolled(const Loop& loop);
  void emit_lanes(const Loop& loop);
  void emit_serial(const Loop& loop, Span span, const std::vector<Range>& guards);
  void emit_parallel(const Loop& loop, llvm::Value* count, const std::vector<Range>& guards);
  void loop_over(const Span& span, const std::function<void(llvm::Value*)>& body);
  void emit_part(const Loop& loop, Span span, const std::vector<Range>& guards);
  std::optional<Peel> peel(const Loop& loop, const Span& span);
  void knowing(const std::vector<Range>& facts, const std::function<void()>& body);
  std::vector<Range> whole_tile(const Loop& loop) const;
  bool has_path(const std::vector<Item>& items, const std::vector<Var>& axes) const;
  bool is_tile(const std::vector<Item>& items, std::vector<Var>& axes) const;
  std::vector<Range> limits_at(Var axis) const;
  llvm::Value* upper_end(const Loop& loop, std::vector<Range>& guards);
  void when(llvm::Value* condition, const std::function<void()>& body);  // null: always
  void when(const std::vector<Range>& ranges, const std::function<void()>& body);
  void begin_body(llvm::Function* function);
  void end_body();

  // emit_stream.cpp
  const Store* streamed(const Loop& loop) const;
  void emit_streamed(const Loop& loop, const Span& span, const Store& store);

  // emit_statements.cpp
  void statement(const Item& item);
  void for_each(std::span<const Var> axes, const std::function<void()>& body);
  void for_lanes(const Item& item, std::span<const Var> axes, Var active);
  void statement_at_lanes(const Item& item);
  void store(const Store& store);
  void prefetch(const Prefetch& prefetch);
  Var active_axis(const Item& item);
  int widest_piece() const;

  // emit_transpose.cpp
  struct Turn {
    Var column, row;  // consecutive in the source, and in the target
  };
  std::optional<Turn> turn(const Item& item) const;
  void transpose(const Store& store, const Turn& turn);

  // emit_memory.cpp
  Index flat(int tensor, const std::vector<Index>& at) const;
  Access access(int tensor, const std::vector<Index>& at, int computed_axis,
                const ValueRef& computed);
  llvm::Value* base(int tensor);
  llvm::Value* address(const Access& access);
  llvm::Value* read(const Access& access, llvm::Value* inside, double fill);
  llvm::Value* read_strided(const Access& access, llvm::Type* type);
  llvm::Value* read_memory(const Access& access, llvm::Value* touch, llvm::Value* fill);
  void write(const Access& access, llvm::Value* value, llvm::Value* touch, bool stream);
  llvm::Value* addresses(const Access& access);  // one per lane

  // emit_values.cpp
  llvm::Value* value(const ValueRef& value);
  llvm::Value* load(const Load& load);
  llvm::Value* fold(const Fold& fold, Type type);
  llvm::Value* apply(const Apply& apply, Type type);          // emit_apply.cpp
  llvm::Value* scalar_function(ScalarOp op, llvm::Value* x);  // emit_functions.cpp
  llvm::Value* index_value(const Index& index);
  llvm::Value* combine(Combine combine, Type type, llvm::Value* a, llvm::Value* b);
  llvm::Value* constant(Type type, double value);
  llvm::Type* memory_type(Type type);
  llvm::Type* value_type(Type type);
  llvm::Value* all_hold(const std::vector<Range>& ranges);  // null: always
  llvm::Value* both(llvm::Value* a, llvm::Value* b);        // null: always
  llvm::Value* widen(llvm::Value* value);  // a scalar in every lane; a vector as it is
  bool has_lanes() const { return indices_.state.lanes.count > 1; }

  const FinishedKernel& finished_;
  const Kernel& kernel_;
  Isa isa_;
  llvm::Module& module_;
  llvm::IRBuilderBase& builder_;
  Indices indices_;
  Body body_;
  std::vector<Var> vector_axes_;                 // on the path, outermost first
  std::vector<Range> lane_conditions_;           // on the path, those that vary with a vector axis
  llvm::Value* mask_ = nullptr;                  // of the statement; null: all lanes
  std::map<const Value*, llvm::Value*> values_;  // of the statement, each made once
};

}  // namespace tenon
