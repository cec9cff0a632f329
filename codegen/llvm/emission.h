// Emission: turns one finished nest into LLVM IR. The nest is walked once. An `unroll` loop is
// expanded with its values as constants, and every statement becomes vector code for the lanes that
// it names. Used by module.cpp alone. Read first: indices.h. The files:
//
//   emit_loops        loops, conditions, parallel bodies  emit_values     loads, folds, masks
//   emit_statements   lanes of a statement, transposes    emit_apply      scalar operations
//                                                         emit_memory     reads and writes of lanes
#pragma once

#include "codegen/cpu_backend.h"
#include "codegen/llvm/indices.h"

namespace llvm {
class BasicBlock;
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
  // The function being emitted: the kernel itself or the body of a parallel loop.
  struct Body {
    bool is_parallel = false;
    llvm::Value* buffers = nullptr;
    llvm::Value* launch_scratch = nullptr;
    llvm::Value* thread_scratch = nullptr;
    llvm::Value* runtime = nullptr;
    bool streams = false;  // has non-temporal stores, which a fence must follow
  };
  // Where an access goes: base + index (+ computed), in elements, and when it may touch memory.
  struct Access {
    int tensor;
    Linear index;
    llvm::Value* computed = nullptr;   // i64 or a vector of them
    std::int64_t computed_stride = 1;  // of the computed axis, in elements
    llvm::Value* valid = nullptr;      // null: always
    bool in_bounds = true;             // for all values of the axes
    Bounds reach = {0, 0};             // of the index, in elements

    bool is_affine() const { return !computed && index.varying.empty(); }
    // Do the lanes lie at successive addresses, rising or falling?
    bool is_run() const { return is_affine() && (index.stride == 1 || index.stride == -1); }
  };

  // emit_loops.cpp
  void emit(std::span<const Item> items, std::size_t settled = 0);
  void emit(const Loop& loop);
  void emit_unrolled(const Loop& loop);
  void emit_serial(const Loop& loop, llvm::Value* begin, llvm::Value* end);
  void emit_parallel(const Loop& loop, llvm::Value* end);
  void when(llvm::Value* condition, const std::function<void()>& body);  // null: always
  llvm::BasicBlock* block(const char* name);
  llvm::Function* begin_body(const std::string& name, bool is_parallel,
                             const std::vector<llvm::Type*>& arguments);
  void end_body();

  // emit_statements.cpp
  void statement(const Item& item, std::span<const Range> conditions);
  void at_lanes(Var axis, std::span<const Range> masks, const std::function<void()>& body);
  void store(const Store& store);
  void prefetch(const Prefetch& prefetch);
  void transpose(const Store& store, std::span<const Range> masks);

  // emit_memory.cpp
  Access access(const tenon::Access& of);
  llvm::Value* base(int tensor);
  // The address of the first lane, plus `offset` elements.
  llvm::Value* address(const Access& access, std::int64_t offset = 0);
  llvm::Value* if_any(llvm::Value* touch, llvm::Value* pointer, int tensor);
  llvm::Value* near(const Access& access, llvm::Value* pointer, llvm::Value* touch);
  llvm::Value* read_run(const Access& access, llvm::Value* touch, llvm::Value* other);
  llvm::Value* read_memory(const Access& access, llvm::Value* touch, llvm::Value* fill);
  void write(const Access& access, llvm::Value* value, llvm::Value* touch, bool stream);
  llvm::Value* addresses(const Access& access);  // a vector of them, one per lane
  std::vector<llvm::Value*> each_address(const Access& access);
  // For an affine access: the lowest address of its lanes, plus `offset` elements, and a vector
  // converted between the order of the addresses and the order of the lanes.
  llvm::Value* lowest_address(const Access& access, std::int64_t offset = 0);
  llvm::Value* in_order(const Access& access, llvm::Value* elements);

  // emit_values.cpp
  llvm::Value* value(const ValueRef& value);
  llvm::Value* make(const Load& load, Type type);  // emit_memory.cpp
  llvm::Value* make(const Constant& constant, Type type);
  llvm::Value* make(const IndexValue& value, Type type);
  llvm::Value* make(const Inside& inside, Type type);
  llvm::Value* make(const Apply& apply, Type type);  // emit_apply.cpp
  llvm::Value* make(const Fold& fold, Type type);
  llvm::Value* combine(Combine combine, Type type, llvm::Value* a, llvm::Value* b);
  llvm::Type* memory_type(Type type);
  llvm::Type* value_type(Type type);
  llvm::Value* all_hold(std::span<const Range> ranges);  // null: always
  llvm::Value* both(llvm::Value* a, llvm::Value* b);     // null: always
  // A condition as an integer for each lane, -1 if it holds and 0 if not; on AVX-512 as an i1.
  llvm::Value* bits_of(llvm::Value* mask);
  llvm::Value* mask_of(llvm::Value* bits);  // the condition that these integers stand for, as i1
  llvm::Value* select(llvm::Value* condition, llvm::Value* a, llvm::Value* b);
  llvm::Value* widen(llvm::Value* value);  // a scalar in every lane; a vector as it is
  // Widens all of the values if one of them is a vector.
  std::vector<llvm::Value*> alike(std::vector<llvm::Value*> values);
  bool has_lanes() const { return indices_.state.lanes.count > 1; }

  const FinishedKernel& finished_;
  const Kernel& kernel_ = finished_.kernel;
  Isa isa_;
  llvm::Module& module_;
  llvm::IRBuilderBase& builder_;
  Indices indices_{builder_, kernel_};
  Body body_;
  std::map<llvm::Value*, llvm::Value*> bits_;    // by the masks that mask_of() has made of them
  llvm::Value* mask_ = nullptr;                  // of the statement; null: all lanes
  std::map<const Value*, llvm::Value*> values_;  // of the statement, each made once
};

}  // namespace tenon
