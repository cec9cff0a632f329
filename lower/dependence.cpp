#include "lower/dependence.h"

#include "core/ranges.h"

#include <fmt/format.h>

#include <algorithm>

namespace tenon {
// Of what an axis is made in subscripts (itself, or quotients and remainders of it), a part is
// alike where both have it times the same step in one subscript, or in the place in memory, and
// everything else that moves there is less than a step.
std::vector<Var> axes_alike(const Kernel& kernel, int tensor, const Use& a, const Use& b,
                            const std::vector<Var>& axes) {
  struct Pair {
    Index a, b;
  };
  std::vector<Pair> subscripts;
  for (std::size_t d = 0; d < std::min(a.at.size(), b.at.size()); ++d)
    if (static_cast<int>(d) != a.computed_axis && static_cast<int>(d) != b.computed_axis)
      subscripts.push_back({a.at[d], b.at[d]});
  if (subscripts.size() == a.at.size() && a.at.size() == b.at.size())
    subscripts.push_back({flat(kernel.tensors[tensor], a.at), flat(kernel.tensors[tensor], b.at)});

  std::vector<Var> same;
  std::vector<Index> parts;
  const VarBounds of = kernel.bounds();
  const auto is_part_alike = [&](const Pair& pair, const Index::Term& term) {
    const Index part = Index::of(term);
    const auto rest = [&](const Index& index, const Use& use) {
      return take_apart(index - part, [&](Var other) {
        return contains(use.path, other) && !contains(same, other);
      });
    };
    const Parts left = rest(pair.a, a), right = rest(pair.b, b);
    const Bounds still = bounds(left.still - right.still, of);
    const Bounds first = bounds(left.moving, of), second = bounds(right.moving, of);
    return contains(mapped(pair.b.terms(), Index::of), part) &&
           still.low + first.low - second.high > -std::abs(term.coefficient) &&
           still.high + first.high - second.low < std::abs(term.coefficient);
  };
  const auto is_known = [&](const auto& self, const Index& index) -> bool {
    return index.is_constant() || contains(parts, index) ||
           std::ranges::any_of(parts, [&](const Index& part) {
             const Index::Term& term = part.terms().front();
             return term.kind != Index::Kind::var && *term.inner == index &&
                    self(self, floordiv(index, term.divisor, of)) &&
                    self(self, mod(index, term.divisor, of));
           });
  };
  for (bool grew = true; grew;) {
    grew = false;
    for (Var v : axes) {
      if (contains(same, v)) continue;
      for (const Pair& pair : subscripts)
        for (Index::Term term : pair.a.terms()) {
          if (!Index::of(term).uses(v) || !is_part_alike(pair, term)) continue;
          term.coefficient = 1;
          append_once(parts, Index::of(term));
        }
      if (!is_known(is_known, Index::var(v))) continue;
      same.push_back(v);
      grew = true;
    }
  }
  return same;
}

Reason dependence_across(const Kernel& kernel, Items items, const std::vector<Var>& axes) {
  for (int tensor = 0; tensor < std::ssize(kernel.tensors); ++tensor) {
    const std::string& name = kernel.tensors[tensor].name;
    const std::vector<Use> all = uses_of(items, tensor);
    for (const Use& writer : all) {
      if (!writer.writes) continue;
      for (const Use& other : all) {
        const std::vector<Var> alike = axes_alike(kernel, tensor, writer, other, axes);
        for (Var v : axes)
          if (contains(writer.path, v) && contains(other.path, v) && !contains(alike, v) &&
              (uses(writer.at, v) || uses(other.at, v)))
            return fmt::format("{} is stored in one iteration and used in another", name);
      }
      // A computed subscript may hit any element: every axis that is not in another one counts.
      if (writer.computed_axis >= 0 && std::ranges::any_of(axes, [&](Var v) {
            return contains(writer.path, v) && !uses(writer.at, v);
          }))
        return fmt::format("{} is stored at computed places in an order that counts", name);
    }
  }
  return {};
}

std::optional<Reach> reach(const Kernel& kernel, const std::vector<Use>& uses, std::size_t axis,
                           const Path& outside) {
  std::optional<Index> still;
  Bounds moving{};
  for (const Use& use : uses) {
    const Parts parts = take_apart(use.at[axis], [&](Var v) { return !contains(outside, v); });
    if (parts.is_mixed || (still && !(*still == parts.still))) return {};
    const Bounds here = bounds(parts.moving, kernel.bounds());
    moving =
        still ? Bounds{std::min(moving.low, here.low), std::max(moving.high, here.high)} : here;
    still = parts.still;
  }
  return Reach{*still + Index(moving.low), std::max<std::int64_t>(moving.high - moving.low + 1, 0)};
}

bool outlives(const std::vector<Use>& all, Var axis) {
  if (!all.empty() && !all.front().writes && !uses(all.front().at, axis)) return true;
  return std::ranges::any_of(all, [&](const Use& use) {
    const bool is_conditional =
        std::ranges::any_of(use.when, [&](const Range& range) { return range.index.uses(axis); });
    const auto moves = [&](const Index& index) { return index.coefficient(axis) != 0; };
    return use.writes && (contains(use.store->over, axis) ||
                          (is_conditional && std::ranges::none_of(use.at, moves)));
  });
}

bool is_private(const Kernel& kernel, int tensor, const Loop& loop, const Path& outside) {
  // A tile is allocated at a loop inside this one, or at this one.
  if (const auto scope = kernel.tensors[tensor].scope)
    return *scope == loop.axis || (*scope >= 0 && !contains(outside, *scope));
  const std::vector<Use> inside = uses_of(loop.body, tensor);
  return uses_of(kernel.body, tensor).size() == inside.size() && !outlives(inside, loop.axis) &&
         std::ranges::none_of(outside, [&](Var v) { return outlives(inside, v); });
}

}  // namespace tenon
