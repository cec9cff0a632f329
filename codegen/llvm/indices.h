// Indices: turns index expressions of a nest into integer and pointer arithmetic. Each part of an
// expression is computed in the loop that it depends on, so that an innermost loop is left with
// constant offsets. Used by emission.h. (LLVM's types are declared, not included: its headers stay
// in .cpp files.)
//
// At a point of the code, each axis of the kernel is one of: a constant (unrolled), the variable of
// a loop, the lanes of a vector, or absent, because the point lies outside its loop.
#pragma once

#include <map>
#include <span>

#include "lower/nest.h"

namespace llvm {
class IRBuilderBase;
class Instruction;
class PHINode;
class Type;
class Value;
}  // namespace llvm

namespace tenon {

// The lanes of vector code: it computes the values axis = 0 .. count-1 at once.
struct Lanes {
  Var axis = -1;  // -1: one value, no vector
  int count = 1;
};

// coefficient * value. The value is a loop's variable, a quotient or a remainder.
struct Summand {
  std::int64_t coefficient;
  int depth;  // of the innermost loop that the value depends on
  llvm::Value* value;
};

// An index at a point of the code: constant + stride * lane + uniform + varying.
struct Linear {
  std::int64_t constant = 0;
  std::int64_t stride = 0;
  std::vector<Summand> uniform = {};  // outermost first
  std::vector<Summand> varying = {};  // quotients and remainders that differ between lanes
  bool is_uniform() const { return stride == 0 && varying.empty(); }
  // The depth of the innermost loop that the index depends on; 0 if there is none.
  int depth() const;
};

class Indices {
 public:
  // A sum that is kept in a phi and grows by a constant in each iteration of its loop.
  struct Induction {
    llvm::PHINode* value;
    std::int64_t growth;
    llvm::Type* element;  // of a pointer; null for an integer
  };
  // A loop, or the function's entry. Code that depends only on this loop and on those around it
  // is inserted before `place`. `known` holds the values of such code, by key.
  struct Frame {
    llvm::Instruction* place;
    std::map<std::vector<std::int64_t>, llvm::Value*> known = {};
    llvm::PHINode* counter = nullptr;  // of an innermost loop, whose sums step with it
    std::vector<Induction> inductions = {};
  };
  // An axis that is a constant or a loop's variable, as i64; null: neither.
  struct Known {
    llvm::Value* value = nullptr;
    int depth = 0;  // of the loop
  };
  struct State {
    std::vector<Frame> frames;  // 0: the function's entry
    std::vector<Known> axes;
    Lanes lanes;
  };

  Indices(llvm::IRBuilderBase& builder, const Kernel& kernel);

  State state;

  int depth() const { return static_cast<int>(state.frames.size()) - 1; }
  void set(Var axis, llvm::Value* value) { state.axes[axis] = {value, depth()}; }
  void forget(Var axis) { state.axes[axis] = {}; }
  bool is_present(Var axis) const { return state.axes[axis].value || axis == state.lanes.axis; }
  bool is_present(const Index& index) const;  // are all of its axes?

  // The bounds of the index, given the axes that are constants here.
  Bounds bounds(const Index& index) const;

  Linear linear(const Index& index);
  // The part that is the same in all lanes, as i64.
  llvm::Value* uniform(const Linear& index) { return pointer(nullptr, nullptr, index); }
  // The index of each lane as i32 or i64, wrapped around if it does not fit.
  llvm::Value* vector(const Linear& index, llvm::Type* element);
  // base + the uniform part, for elements of the type.
  llvm::Value* pointer(llvm::Value* base, llvm::Type* element, const Linear& index);
  // Does the range hold? An i1, or a vector of i1 if the lanes differ; null if it always holds.
  llvm::Value* holds(const Range& range);

  // Steps the inductions of the innermost frame. Called at the end of its loop's body.
  void advance();

  // A value that depends on no loop deeper than `depth`. The first call with a key makes the value,
  // at the place of that depth's frame; later calls return it.
  llvm::Value* once(int depth, const std::vector<std::int64_t>& key,
                    const std::function<llvm::Value*()>& make);
  // A key for once(): numbers that the caller chooses, then the index.
  std::vector<std::int64_t> key(std::vector<std::int64_t> start, const Linear& index) const;

 private:
  // The quotient or remainder that a term stands for, without its coefficient. `inner` is the index
  // that is divided.
  llvm::Value* division(const Index::Term& term, const Linear& inner);
  // i32 if the bounds fit: a register holds twice as many lanes, and the high multiplication, by
  // which LLVM divides by a constant, does not exist for vectors of i64.
  llvm::Type* integer_for(const Bounds& bounds) const;
  llvm::Value* sum(llvm::Value* base, llvm::Type* element, std::span<const Summand> parts);
  llvm::Value* plus(llvm::Value* value, llvm::Value* offset, llvm::Type* element);
  llvm::Value* induction(Frame& frame, llvm::Value* before, llvm::Type* element,
                         std::int64_t coefficient);

  llvm::IRBuilderBase& builder_;
  const Kernel& kernel_;
};

}  // namespace tenon
