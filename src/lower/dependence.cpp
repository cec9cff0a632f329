#include "lower/dependence.h"

#include "core/ranges.h"

#include <fmt/format.h>

#include <algorithm>

namespace tenon {
namespace {

// The part of an index that uses the axes; none where it cannot be told (a division of them).
std::optional<Index> part_of(const Index& index, const std::vector<Var>& axes) {
  Index part;
  for (const Index::Term& term : index.terms()) {
    if (term.kind == Index::Kind::var) {
      if (contains(axes, term.var)) part = part + Index::var(term.var) * term.coefficient;
    } else if (std::ranges::any_of(axes, [&](Var v) { return term.inner->uses(v); })) {
      return {};
    }
  }
  return part;
}

bool same_iteration(const Use& writer, const Use& other, const std::vector<Var>& axes) {
  std::vector<Var> common;
  for (Var v : axes)
    if (contains(writer.path, v) && contains(other.path, v)) common.push_back(v);
  for (std::size_t d = 0; d < writer.at.size(); ++d) {
    if (d == other.at.size()) {  // a fold reads all of the last axis
      const auto written = part_of(writer.at[d], common);
      return written && *written == Index(0);
    }
    if (writer.at[d] == other.at[d]) continue;
    const auto written = part_of(writer.at[d], common), seen = part_of(other.at[d], common);
    if (!written || !seen || !(*written == *seen)) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> dependence_across(const Kernel& kernel, const std::vector<Item>& items,
                                             const std::vector<Var>& axes) {
  for (std::size_t t = 0; t < kernel.tensors.size(); ++t) {
    const std::vector<Use> uses = uses_of(items, static_cast<int>(t));
    for (const Use& writer : uses) {
      if (writer.load) continue;
      for (const Use& other : uses)
        if (!same_iteration(writer, other, axes))
          return fmt::format("{} is stored in one iteration and used in another",
                             kernel.tensors[t].name);
      if (writer.store->computed_axis >= 0 &&
          writer.at[writer.store->computed_axis].is_constant()) {
        // A computed subscript may hit any element: every axis that is not in another subscript
        // counts.
        for (Var v : axes) {
          if (!contains(writer.path, v)) continue;
          const bool used =
              std::ranges::any_of(writer.at, [&](const Index& i) { return i.uses(v); });
          if (!used)
            return fmt::format("{} is stored at computed places in an order that counts",
                               kernel.tensors[t].name);
        }
      }
    }
  }
  return {};
}

bool is_private(const Kernel& kernel, int tensor, const Loop& loop, const Path& outside) {
  const KernelTensor& target = kernel.tensors[tensor];
  if (target.scope) {
    // Allocated at a loop inside this one, or at this one.
    if (*target.scope < 0) return false;
    return *target.scope == loop.axis || !contains(outside, *target.scope);
  }
  const std::vector<Use> all = uses_of(kernel.body, tensor);
  const std::vector<Use> inside = uses_of(loop.body, tensor);
  if (all.size() != inside.size()) return false;
  // An accumulation over this loop's axis, or an outer one, outlives an iteration.
  return std::ranges::none_of(inside, [&](const Use& use) {
    return !use.load && std::ranges::any_of(use.store->over, [&](Var v) {
      return v == loop.axis || contains(outside, v);
    });
  });
}

}  // namespace tenon
