#include "lower/dependence.h"

#include "core/ranges.h"

#include <fmt/format.h>

#include <algorithm>

namespace tenon {
namespace {

// Finds the axes along which two accesses to one element always have the same loop value. If two
// accesses touch one element, then each of their subscripts is equal, and so is the position in
// every run of subscripts, taken as one number. Each of these pairs of equal indices is examined.
// An axis is in an index as it is, or in a quotient or a remainder: these are the parts of the
// axis. A part has the same value in both accesses if both indices have it with the same
// coefficient, and if everything else that varies in them adds up to less than that coefficient. An
// axis has the same value if the parts that make it up have. For example, 8*io + ii with ii < 8 on
// both sides shows that io is the same, and then ii too.
class Comparison {
 public:
  Comparison(const Kernel& kernel, const Use& a, const Use& b, std::size_t outside)
      : kernel_(kernel), a_(a), b_(b), outside_(outside) {}

  bool is_same(std::span<const Var> axes) {
    const int rank = static_cast<int>(a_.access.at.size());
    const auto is_known = [&](Var v) { return contains(same_, v); };
    const auto is_found = [&](Var v) { return !is_known(v) && find_same(v); };
    for (int length = 1; length <= rank && !std::ranges::all_of(axes, is_known); ++length) {
      for (int first = 0; first + length <= rank; ++first) add_run(first, length);
      while (std::ranges::any_of(axes, is_found)) continue;
    }
    return std::ranges::all_of(axes, is_known);
  }

 private:
  struct Pair {
    Index a, b;
  };

  // Adds the position in a run of subscripts, unless one of them is computed and may be anything.
  void add_run(int first, int length) {
    for (const int computed : {a_.access.computed_axis, b_.access.computed_axis})
      if (first <= computed && computed < first + length) return;
    const KernelTensor& tensor = kernel_.tensors[a_.access.tensor];
    pairs_.push_back(
        {flat(tensor, a_.access.at, first, length), flat(tensor, b_.access.at, first, length)});
  }

  bool find_same(Var v) {
    for (const Pair& pair : pairs_)
      for (Index::Term term : pair.a.terms()) {
        if (!Index::of(term).uses(v) || !is_part_same(pair, term)) continue;
        term.coefficient = 1;
        append_once(parts_, Index::of(term));
      }
    if (!is_made_of_parts(Index::var(v))) return false;
    same_.push_back(v);
    return true;
  }

  bool is_part_same(const Pair& pair, const Index::Term& term) const {
    if (pair.b.coefficient(term) != term.coefficient) return false;
    const auto rest = [&](const Index& index, const Use& use) {
      const auto moving = std::span(use.way.path).subspan(outside_);
      return take_apart(index - Index::of(term),
                        [&](Var v) { return contains(moving, v) && !contains(same_, v); });
    };
    const Parts left = rest(pair.a, a_), right = rest(pair.b, b_);
    const Bounds still = bounds(left.still - right.still, bounds_);
    const Bounds first = bounds(left.moving, bounds_), second = bounds(right.moving, bounds_);
    return still.low + first.low - second.high > -std::abs(term.coefficient) &&
           still.high + first.high - second.low < std::abs(term.coefficient);
  }

  bool is_made_of_parts(const Index& index) const {
    return index.is_constant() || contains(parts_, index) ||
           std::ranges::any_of(parts_, [&](const Index& part) {
             const Index::Term& term = part.terms().front();
             return term.kind != Index::Kind::var && *term.inner == index &&
                    is_made_of_parts(floordiv(index, term.divisor, bounds_)) &&
                    is_made_of_parts(mod(index, term.divisor, bounds_));
           });
  }

  const Kernel& kernel_;
  const VarBounds bounds_ = kernel_.bounds();
  const Use &a_, &b_;
  const std::size_t outside_;
  std::vector<Pair> pairs_;
  std::vector<Index> parts_;  // those that are the same in both
  std::vector<Var> same_;
};

}  // namespace

bool conflict(const Kernel& kernel, const Use& a, const Use& b, std::span<const Var> axes,
              std::size_t outside) {
  return !Comparison(kernel, a, b, outside).is_same(axes);
}

Reason dependence(const Kernel& kernel, const Use& writer, const Use& other,
                  std::span<const Var> axes, std::size_t outside) {
  const std::string& name = kernel.tensors[writer.access.tensor].name;
  std::vector<Var> moving;
  for (Var v : axes)
    if (contains(writer.way.path, v) && contains(other.way.path, v) &&
        (uses(writer.access.at, v) || uses(other.access.at, v)))
      moving.push_back(v);
  if (conflict(kernel, writer, other, moving, outside))
    return fmt::format("{} is stored in one iteration and used in another", name);
  // A computed subscript may hit any element. So the order counts along every axis that is in no
  // other subscript.
  if (writer.access.computed_axis >= 0 && std::ranges::any_of(axes, [&](Var v) {
        return contains(writer.way.path, v) && !uses(writer.access.at, v);
      }))
    return fmt::format("{} is stored at computed places in an order that counts", name);
  return {};
}

std::vector<Index> subscripts(std::span<const Use> uses, std::size_t axis) {
  return mapped(uses, [&](const Use& use) { return use.access.at[axis]; });
}

std::optional<Reach> reach(const Kernel& kernel, std::span<const Index> subscripts,
                           const Path& outside) {
  std::optional<Index> still;
  Bounds moving{};
  for (const Index& subscript : subscripts) {
    const Parts parts = take_apart(subscript, [&](Var v) { return !contains(outside, v); });
    if (parts.is_mixed || (still && !(*still == parts.still))) return {};
    const Bounds here = bounds(parts.moving, kernel.bounds());
    moving =
        still ? Bounds{std::min(moving.low, here.low), std::max(moving.high, here.high)} : here;
    still = parts.still;
  }
  return Reach{*still + Index(moving.low), std::max<std::int64_t>(moving.high - moving.low + 1, 0)};
}

bool outlives(std::span<const Use> all, Var axis) {
  if (!all.empty() && !all.front().writes && !uses(all.front().access.at, axis)) return true;
  return std::ranges::any_of(all, [&](const Use& use) {
    const bool is_conditional = std::ranges::any_of(
        use.way.when, [&](const Range& range) { return range.index.uses(axis); });
    const auto moves = [&](const Index& index) { return index.coefficient(axis) != 0; };
    return use.writes && (contains(use.store.over, axis) ||
                          (is_conditional && std::ranges::none_of(use.access.at, moves)));
  });
}

}  // namespace tenon
