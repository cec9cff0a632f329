// Emission: one finished nest on its way to LLVM IR. Loops are walked once, `unroll` ones expanded
// with their constants; every statement comes out as vector code for the vector axes around it.
// Used by module.cpp alone. Read first: indices.h. The files:
//
//   emit_loops        loops, limits, parallel bodies      emit_values     loads, folds, masks
//   emit_stream       loops of non-temporal stores        emit_apply      scalar operations
//   emit_statements   the lanes of a statement, stores    emit_memory     reads and writes of lanes
//   emit_transpose    copies that turn in registers
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "codegen/compile.h"
#include "codegen/llvm/indices.h"

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace tenon {

class Emission {
 public:
  Emission(const FinishedKernel& finished, Isa isa, llvm::Module& module,
           llvm::IRBuilderBase& builder)
      : finished_(finished), isa_(isa), module_(module), builder_(builder) {}
  void emit_kernel();

 private:
  static constexpr std::int64_t unknown = std::int64_t{1} << 60;  // beyond any index

  // Where a stream is not aligned: lanes whose element is not below `end` do nothing.
  struct Edge {
    Index element;
    llvm::Value* end;
  };
  // The function being emitted: the kernel itself or the body of a parallel loop.
  struct Body {
    llvm::Function* function = nullptr;
    bool is_parallel = false;
    llvm::Value* buffers = nullptr;
    llvm::Value* launch_scratch = nullptr;
    llvm::Value* thread_scratch = nullptr;
    llvm::Value* runtime = nullptr;
    bool streams = false;                    // has non-temporal stores, which a fence must follow
    bool is_aligned = false;                 // the statement's stores to a stream are
    std::optional<Edge> edge = {};           // of the stream being emitted, where it is masked
    std::map<int, llvm::Value*> bases = {};  // by tensor
  };
  // What a serial loop counts: `step` for each value of the axis.
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
    bool in_bounds = true;            // for all values of the axes, and all lanes of a stream
    Bounds reach = {0, 0};            // of the index, in elements

    bool is_affine() const { return !computed && index.varying.empty(); }
    bool is_run() const { return is_affine() && (index.stride == 1 || index.stride == -1); }
    // One place for all lanes, `offset` elements from the first of them.
    Access place(std::int64_t offset) const;
  };

  // emit_loops.cpp
  void emit(const std::vector<Item>& items);
  void emit(const Loop& loop);
  void emit_unrolled(const Loop& loop);
  void emit_lanes(const Loop& loop);
  void emit_serial(const Loop& loop, Span span, const std::vector<Range>& guards);
  void emit_parallel(const Loop& loop, llvm::Value* count, const std::vector<Range>& guards);
  void loop_over(const Span& span, const std::function<void(llvm::Value*)>& body);
  void emit_part(const Loop& loop, Span span, const std::vector<Range>& guards);
  std::optional<Peel> peel(const Loop& loop, const Span& span);
  void knowing(const std::vector<Range>& facts, const std::function<void()>& body);
  // Do all values of the axis stand in the code, as copies or as lanes?
  bool is_expanded(Var axis) const {
    return kernel_.axes[axis].tag == Tag::unroll || kernel_.axes[axis].tag == Tag::vector;
  }
  std::vector<Range> limits_at(Var axis) const;
  llvm::Value* upper_end(const Loop& loop, std::vector<Range>& guards);
  void when(llvm::Value* condition, const std::function<void()>& body);  // null: always
  void when(const std::vector<Range>& ranges, const std::function<void()>& body);
  llvm::Function* begin_body(const std::string& name, bool is_parallel,
                             const std::vector<llvm::Type*>& arguments);
  void end_body();

  // emit_stream.cpp
  // A loop of streaming stores: the element of a row that is stored, how many are at once, where
  // the row begins in its tensor, and the limits that end it.
  struct Stream {
    Index element;
    std::int64_t width;
    Index row;
    int tensor;
    std::vector<Range> limits;
  };
  std::optional<Stream> streamed(const Loop& loop) const;
  void emit_streamed(const Loop& loop, const Span& span, const Stream& stream);

  // emit_statements.cpp
  void statement(const Item& item);
  void for_lanes(std::span<const Var> axes, Var active, const std::function<void()>& body);
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
  Access access(const tenon::Access& of);
  llvm::Value* base(int tensor);
  llvm::Value* address(const Access& access);
  llvm::Value* load(const Load& load);
  llvm::Value* read_strided(const Access& access, llvm::Type* type);
  llvm::Value* read_memory(const Access& access, llvm::Value* touch, llvm::Value* fill);
  void write(const Access& access, llvm::Value* value, llvm::Value* touch, bool stream);
  llvm::Value* addresses(const Access& access);  // a vector of them, one per lane
  std::vector<llvm::Value*> each_address(const Access& access);
  // Of a run of lanes in memory: where it starts, and its elements in the order of the lanes.
  llvm::Value* run_address(const Access& access);
  llvm::Value* in_order(const Access& access, llvm::Value* elements);

  // emit_values.cpp
  llvm::Value* value(const ValueRef& value);
  llvm::Value* fold(const Fold& fold, Type type);
  llvm::Value* apply(const Apply& apply, Type type);  // emit_apply.cpp
  llvm::Value* index_value(const Index& index);
  llvm::Value* combine(Combine combine, Type type, llvm::Value* a, llvm::Value* b);
  llvm::Value* constant(Type type, double value);
  llvm::Type* memory_type(Type type);
  llvm::Type* value_type(Type type);
  llvm::Value* least(llvm::Value* a, llvm::Value* b);       // of i64
  llvm::Value* all_hold(const std::vector<Range>& ranges);  // null: always
  llvm::Value* both(llvm::Value* a, llvm::Value* b);        // null: always
  llvm::Value* select(llvm::Value* condition, llvm::Value* a, llvm::Value* b);
  llvm::Value* widen(llvm::Value* value);  // a scalar in every lane; a vector as it is
  // All of them as vectors where one is a vector.
  std::vector<llvm::Value*> alike(std::vector<llvm::Value*> values);
  bool has_lanes() const { return indices_.state.lanes.count > 1; }

  const FinishedKernel& finished_;
  const Kernel& kernel_ = finished_.kernel;
  Isa isa_;
  llvm::Module& module_;
  llvm::IRBuilderBase& builder_;
  Indices indices_{builder_, kernel_};
  Body body_;
  std::vector<Var> vector_axes_;                 // on the path, outermost first
  std::vector<Range> lane_conditions_;           // on the path, those that vary with a vector axis
  llvm::Value* mask_ = nullptr;                  // of the statement; null: all lanes
  std::map<const Value*, llvm::Value*> values_;  // of the statement, each made once
};

}  // namespace tenon
