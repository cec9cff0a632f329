// The pick for rows of a large input that are read twice, as by a softmax: while one row is worked
// on, the next one is prefetched.
#include <fmt/format.h>

#include "tuner/schedule/picker.h"

namespace tenon {

void pick_ahead(Picker& picker) {
  const Kernel naive = picker.kernel();
  const Uses table(naive.body);
  for (int t = 0; t < std::ssize(naive.tensors); t++) {
    if (naive.tensors[t].is_output || picker.bytes(t) < outgrows_caches) continue;
    const std::vector<Use>& uses = table.of(t);
    if (uses.size() < 2 || uses.back().way.path.size() < 3) continue;
    const Use& last = uses.back();
    const Path inner(last.way.path.end() - 3, last.way.path.end());
    const auto step = [&](Var v) { return picker.stride(t, last.access.at, v).value_or(0); };
    const std::int64_t row = step(inner[0]), strip = step(inner[1]);
    if (picker.axis(inner[2]).tag != Tag::vector || step(inner[2]) != 1 || strip < 1 || row < strip)
      continue;
    if (8 * row > picker.cache_bytes()) continue;  // bytes of this row and the next
    const int rows_ahead = static_cast<int>((row + strip - 1) / strip);
    const std::string &name = naive.tensors[t].name, loop = picker.name(inner[1]);
    const std::string tile = fmt::format("{}.{}.{}", name, stem(loop), stem(picker.name(inner[2])));
    picker.attempt({{Stage{name, loop, Where::reg, rows_ahead + 1}}, {Bind{tile, Tag::vector}}});
  }
}

}  // namespace tenon
