// at: computes a producer inside a loop of its consumer. The loops of both merge, one level after
// the other, down to the loop that is named. In the end, the local between them holds only what one
// iteration needs. Halide: compute_at; TVM: compute_at.
//
//   for m.i 4                          at m y.i              for y.i 4
//     for k 8                                                  for k 8
//       m[m.i] max= x[m.i,k]                                     m[y.i] max= x[y.i,k]
//   for y.i 4                                                  for j 8
//     for j 8                                                    y[y.i,j] = x[y.i,j] + m[y.i]
//       y[y.i,j] = x[y.i,j] + m[y.i]
#include <fmt/format.h>

#include "lower/merge.h"
#include "lower/moves.h"
#include "lower/uses.h"

namespace tenon {

Reason rewrite(Kernel& kernel, const At& move) {
  const auto tensor = kernel.find_tensor(move.producer);
  if (!tensor) return fmt::format("no tensor {}", move.producer);
  const auto axis = kernel.find_axis(move.loop);
  if (!axis) return fmt::format("no axis {}", move.loop);
  std::vector<Item>* body = &kernel.body;
  Path outside;
  while (true) {
    const auto place = [&](const auto& is) {  // of the first such item
      return static_cast<std::size_t>(std::ranges::find_if(*body, is) - body->begin());
    };
    const auto producer = place([&](const Item& i) { return stores_to(only(i), *tensor); });
    const auto consumer = place([&](const Item& i) { return count_loops(only(i), *axis) > 0; });
    if (std::max(producer, consumer) == body->size())
      return fmt::format("{} and the loop {} do not stand side by side", move.producer, move.loop);
    if (consumer < producer)
      return fmt::format("{} comes after the loop {}", move.producer, move.loop);
    Loop* merged = (*body)[producer].loop();
    if (!merged) return fmt::format("{} has too few loops", move.producer);
    if (producer != consumer) {
      const Var retired = (*body)[consumer].loop()->axis;
      const std::string name = kernel.axes[retired].name;
      if (auto reason = merge_siblings(kernel, *body, producer, consumer, outside)) return reason;
      merged = (*body)[producer].loop();
      if (kernel.axes[retired].name.empty()) kernel.axes[merged->axis].name = name;
      if (retired == *axis) return {};
    } else if (merged->axis == *axis) {
      return fmt::format("{} is computed there already", move.producer);
    }
    outside.push_back(merged->axis);
    body = &merged->body;
  }
}

}  // namespace tenon
