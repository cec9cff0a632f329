// at: where a producer is computed. Its loops merge, one level after the other, with those of its
// consumer, down to the loop named; the local between them shrinks to what one iteration needs.
// Halide: compute_at; TVM: compute_at.
//
//   for m.i 4                          at m y.i              for y.i 4
//     for k 8                                                  for k 8
//       m[m.i] max= x[m.i,k]                                     m[y.i] max= x[y.i,k]
//   for y.i 4                                                  for j 8
//     for j 8                                                    y[y.i,j] = x[y.i,j] + m[y.i]
//       y[y.i,j] = x[y.i,j] + m[y.i]
#include <fmt/format.h>

#include <algorithm>

#include "lower/merge.h"
#include "lower/moves.h"
#include "lower/tree.h"

namespace tenon {
namespace {

bool holds_loop(const Item& item, Var axis) {
  const Loop* loop = item.loop();
  return loop && (loop->axis == axis || std::ranges::any_of(loop->body, [&](const Item& below) {
                    return holds_loop(below, axis);
                  }));
}

// Where the first such item stands.
std::optional<std::size_t> place(const std::vector<Item>& body,
                                 const std::function<bool(const Item&)>& is) {
  const auto found = std::ranges::find_if(body, is);
  if (found == body.end()) return {};
  return static_cast<std::size_t>(found - body.begin());
}

}  // namespace

Moved at(const Kernel& kernel, const At& move) {
  const auto tensor = kernel.find_tensor(move.producer);
  if (!tensor) return Refusal{fmt::format("no tensor {}", move.producer)};
  const auto axis = kernel.find_axis(move.loop);
  if (!axis) return Refusal{fmt::format("no axis {}", move.loop)};
  Kernel result = kernel;
  std::vector<Item>* body = &result.body;
  Path outside;
  while (true) {
    const auto producer = place(*body, [&](const Item& i) { return stores_to({i}, *tensor); });
    const auto consumer = place(*body, [&](const Item& i) { return holds_loop(i, *axis); });
    if (!producer || !consumer)
      return Refusal{
          fmt::format("{} and the loop {} do not stand side by side", move.producer, move.loop)};
    if (*consumer < *producer)
      return Refusal{fmt::format("{} comes after the loop {}", move.producer, move.loop)};
    Loop* merged = (*body)[*producer].loop();
    if (!merged) return Refusal{fmt::format("{} has too few loops", move.producer)};
    if (*producer != *consumer) {
      const Var retired = (*body)[*consumer].loop()->axis;
      const std::string name = result.axes[retired].name;
      if (auto reason = merge_siblings(result, *body, *producer, *consumer, outside))
        return Refusal{*reason};
      merged = (*body)[*producer].loop();
      result.axes[merged->axis].name = name;
      if (retired == *axis) return result;
    } else if (merged->axis == *axis) {
      return Refusal{fmt::format("{} is computed there already", move.producer)};
    }
    outside.push_back(merged->axis);
    body = &merged->body;
  }
}

}  // namespace tenon
