// The uses of a kernel's tensors: which statements read and write each of them, in which loops, and
// whether two iterations may touch the same element. A check, a move or a pass computes the table
// of uses once and takes every answer from it. A Prefetch is not a use. Used by legal.cpp,
// merge.cpp, the moves and the passes of finish.
#pragma once

#include <deque>

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

// ---- dependences between iterations ----

// May two iterations that differ in one of the axes touch the same element, one by the access `a`
// and the other by `b`? The first `outside` loops around each access have the same value in both
// iterations, and so does every axis without a loop around either access.
bool conflict(const Kernel& kernel, const Use& a, const Use& b, std::span<const Var> axes,
              std::size_t outside = 0);

// Why running the iterations of the axes in another order, or at the same time, could change a
// result: the writer stores an element that the other use touches in a different iteration. Axes
// that appear in no subscript are ignored. Along such an axis every iteration touches the same
// element, and legal.cpp checks the order of those accesses.
Reason dependence(const Kernel& kernel, const Use& writer, const Use& other,
                  std::span<const Var> axes, std::size_t outside = 0);

// The interval that several subscripts of one axis reach, for fixed values of the axes in
// `outside`. For example, 8*io + ii with ii < 8 and io outside begins at 8*io and has the extent 8.
// Nothing is returned if a quotient or remainder mixes axes inside and outside, or if the distance
// between the subscripts depends on the outside axes.
struct Reach {
  Index begin;
  std::int64_t extent;
};
std::optional<Reach> reach(const Kernel& kernel, std::span<const Index> subscripts,
                           const Path& outside);
// The subscripts of the uses along one axis of their tensor.
inline std::vector<Index> subscripts(std::span<const Use> uses, std::size_t axis) {
  return mapped(uses, [&](const Use& use) { return use.access.at[axis]; });
}

// The outermost loops around the uses that have, in each iteration, the local to themselves. These
// loops hold all uses, and no iteration needs what another one has stored. So the local can be
// allocated inside them. For a tile they are the loops down to the one that it is allocated in.
Path private_loops(const KernelTensor& local, std::span<const Use> uses);

}  // namespace tenon
