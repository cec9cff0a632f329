// The loop nest: the IR between the graph and machine code. lower/naive.h makes one from a kernel's
// nodes, the moves (lower/moves.h) rewrite it, lower/finish.h makes every implicit thing explicit,
// and codegen turns the result into code. Nests are values: a pass takes one and returns another.
//
// Semantics, all of them:
//
//   Kernel     axes, tensors, limits and a body of items, executed in order.
//   Axis       an iteration variable with its extent and its tag. Loops name an axis; several loops
//              may run over the same axis in different subtrees, never one inside the other.
//   Loop       runs its body for axis = 0 .. extent-1, ascending.
//   Limit      index < bound. An iteration is skipped if no value of the inner loops can satisfy a
//              limit. So the part of a tile beyond the end never runs.
//   Store      target[at] = value. With `combine` it is an accumulation over the axes in `over`:
//              target[at] = combine(target[at], value), but combine(identity, value) where all
//              axes in `over` are 0. So every accumulation starts by itself.
//              With `factor`, and combine sum: fma(value, factor, target[at]), one rounding.
//   ranges     A load outside its `inside` ranges reads `fill` and touches no memory; an item with
//              `when` ranges runs only where they hold.
//   Tensor     has logical extents and subscripts. A local is allocated inside one loop (its
//              scope), and in the end holds only the part that one iteration of that loop
//              touches. finish() computes that part, and the scope if no move has set it.
//   Tag        serial and unroll ascend; parallel, grid, warp, lane and vector promise that
//              iterations are independent; mma marks the three axes of one matrix instruction.
//
// Text form: see print() below; the moves' documentation is full of it.
#pragma once

#include <variant>

#include "core/index.h"
#include "core/scalar.h"
#include "core/type.h"

namespace tenon {

enum class Tag : std::uint8_t { serial, parallel, grid, warp, lane, vector, unroll, mma };
std::string_view name(Tag tag);

using Reason = std::optional<std::string>;  // why something is refused; nothing if it is not

struct Axis {
  std::string name;  // unique: `sum.k`, after a split `sum.k0`, a stage's `b.pc.k0`
  std::int64_t extent;
  Tag tag = Tag::serial;
};

// The last part of an axis's name, "j" of "sum.j". Parts of the axis and copies of its loop are
// named after it.
inline std::string stem(const std::string& axis) { return axis.substr(axis.rfind('.') + 1); }

enum class Tail : std::uint8_t { mask, peel };
struct Limit {
  Index index;
  std::int64_t bound;  // index < bound
  Tail tail = Tail::mask;
};

// Where a tensor lives. `argument` is memory of the caller; `heap` is scratch memory of the kernel.
// finish() makes a small local a `reg` if all its indices are known after unrolling.
enum class Where : std::uint8_t { argument, reg, heap };
std::string_view name(Where where);

struct KernelTensor {
  std::string name;
  Type type;
  std::vector<std::int64_t> extents;  // logical; row-major in memory for arguments
  Where where = Where::argument;
  bool is_output = false;    // written by the kernel, for arguments
  std::int64_t missing = 0;  // elements at the end of an argument that may not be in memory
  // Allocated inside the loop over this axis; -1: outside all loops. Empty: finish() finds the
  // innermost place at which every use sees what was stored for it.
  std::optional<Var> scope = {};

  std::int64_t elements() const;
};

// ---- values ----

struct Value;
using ValueRef = std::shared_ptr<const Value>;

// The element of a tensor that a Load, Fold, Store or Prefetch touches.
struct Access {
  int tensor;
  std::vector<Index> at;  // one per axis of the tensor
  // The axis whose subscript is not in `at`, which is 0 there: a Load or a Store has the subscript
  // `computed`, and a Fold takes all strands. -1: there is no such axis.
  int computed_axis = -1;
  ValueRef computed = {};  // i32; outside the axis a Load is 0 and a Store does nothing

  // Is it the same element, with the same value as its computed subscript?
  bool operator==(const Access&) const = default;
};

struct Load : Access {
  std::vector<Range> inside = {};  // all hold, or the value is `fill` and no memory is touched
  double fill = 0;
};
struct Constant {
  double value;
};
struct IndexValue {  // the index itself, as i32
  Index index;
};
struct Inside {  // do all ranges hold? bool
  std::vector<Range> ranges;
};
struct Apply {
  ScalarOp op;
  std::vector<ValueRef> operands;
};
// The strands of a sum (canonical.h), 0 .. strands-1 along the computed axis of the tensor, folded
// by halving: x[s] += x[s + h] for h = strands/2, .., 1 (or max).
struct Fold : Access {
  int strands;  // a power of two
  Combine combine;
};
struct Value {
  std::variant<Load, Constant, IndexValue, Inside, Apply, Fold> detail;
  Type type;
};

template <typename Detail>
ValueRef make_value(Detail detail, Type type) {
  return std::make_shared<const Value>(Value{std::move(detail), type});
}

// ---- statements and loops ----

struct Store : Access {
  ValueRef value;
  ValueRef factor = {};                 // fma(value, factor, target), or null
  std::optional<Combine> combine = {};  // none: assign
  std::vector<Var> over = {};           // the axes accumulated over, outermost first
  bool initial = true;  // the accumulation starts from the identity; false: from what is there
                        // (finish() has written the identity before)
  bool stream = false;  // non-temporal; in a finished nest also aligned to the target's vectors
  // In a finished nest: the axes whose values the statement computes all at once. Two axes make a
  // transpose: the source runs along the first one, the target along the second one.
  std::vector<Var> lanes = {};
};
// Asks for the cache line of the element, which a later iteration needs. Never faults.
struct Prefetch : Access {
  std::vector<Var> lanes = {};  // as in a Store
};
struct Item;
struct Loop {
  Var axis;
  std::vector<Item> body;
  // In a finished nest the loop runs from the greatest of 0 and `begins` to the least of its extent
  // and `ends`.
  std::vector<Index> begins = {}, ends = {};
};
struct Item {
  std::variant<Loop, Store, Prefetch> what;
  std::vector<Range> when = {};  // runs only where all hold

  const Loop* loop() const { return std::get_if<Loop>(&what); }
  Loop* loop() { return std::get_if<Loop>(&what); }
  const Store* store() const { return std::get_if<Store>(&what); }
  Store* store() { return std::get_if<Store>(&what); }
};

struct Kernel {
  std::string name;
  std::vector<Axis> axes;             // Var is the position here
  std::vector<KernelTensor> tensors;  // arguments first, inputs and outputs in their calling order
  std::vector<Limit> limits;
  std::vector<Item> body;

  VarBounds bounds() const {  // of the axes
    return [this](Var v) { return Bounds{0, axes[v].extent - 1}; };
  }
  std::int64_t extent(Var axis) const { return axes[axis].extent; }
  // By its whole name, or by the part after the dot (`k` of `sum.k`) if only one axis has it.
  std::optional<Var> find_axis(std::string_view name) const;
  std::optional<int> find_tensor(std::string_view name) const;
  // Add an axis or a tensor, with a number after its name if that is taken.
  Var add_axis(const std::string& name, std::int64_t extent, Tag tag = Tag::serial);
  int add_tensor(KernelTensor tensor);
};

// The kernel as text, a line a loop or statement, two spaces a level:
//
//   kernel sum(a f32[64,32], b f32[32,10]) -> sum f32[64,10]
//   local part f32[8] in reg
//   for i 64 parallel
//     for j 10
//       for k 32
//         sum[i,j] += a[i,k] * b[k,j] over k
std::string print(const Kernel& kernel);

// Every invariant of a nest, listed in verify_nest.cpp. Returns the first that is broken, or
// nothing.
Reason verify(const Kernel& kernel);

}  // namespace tenon
