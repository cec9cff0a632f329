// The uses of a kernel's tensors: which statements read and write each of them, and in which loops.
// A check, a move or a pass computes the table once and takes every answer from it. A Prefetch is
// not a use. Used by legal.cpp, merge.cpp, the moves and the passes of finish. Read next:
// dependence.h.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "lower/tree.h"

namespace tenon {

struct Use {
  const Way& way;        // to the statement
  const Store& store;    // the statement
  const Access& access;  // what it loads, folds or stores
  const Load* load;      // null if it stores or folds
  bool writes;           // else it reads
};

// The uses in the items, in execution order. What a statement reads comes before what it writes.
// The uses point into the items and into the table: neither may change or move while they are
// needed.
class Uses {
 public:
  explicit Uses(Items items);
  Uses(Uses&&) noexcept = default;
  Uses& operator=(Uses&&) noexcept = default;

  // The uses of one tensor, or of all tensors.
  const std::vector<Use>& of(int tensor) const&;
  const std::vector<Use>& of(int tensor) const&& = delete;  // they would point into nothing
  const std::vector<Use>& all() const& { return all_; }

 private:
  std::deque<Way> ways_;  // one for each statement
  std::vector<Use> all_;
  std::vector<std::vector<Use>> of_;
};

// How many of the outermost loops are around both?
std::size_t common_loops(const Use& a, const Use& b);

// Does anything in the items use the tensor, or write it?
bool uses_tensor(Items items, int tensor);
bool stores_to(Items items, int tensor);

// Joins two neighbouring axes of a tensor if that removes divisions from its subscripts: all
// accesses x[k / 8,k mod 8] become x[k]. Some divisions may be left, or no access may keep one.
// Nothing is joined in a nest with a Prefetch.
enum class Left : std::uint8_t { fewer, none };
void join_divided_axes(Kernel& kernel, Left divisions);

}  // namespace tenon
