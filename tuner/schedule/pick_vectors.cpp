// The pick for statements that no rule before has scheduled: vectors along the axis on which most
// accesses are contiguous. A reduction down columns also gets strips of columns.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tuner/schedule/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t unrolled_vectors = 4;
constexpr std::int64_t lines_at_once = 16;

// A score of the axis for vectors: plus 2 for each access that is contiguous along it, minus 3 for
// each access that jumps.
int contiguity(const Picker& picker, const Statement& statement, Var v) {
  int score = 0;
  const auto judge = [&](const auto& access) {
    if (picker.tensor(access.tensor).where != Where::argument) return;
    const auto stride = picker.stride(access.tensor, access.at, v);
    if (stride == 1) score += 2;
    if (!stride || (*stride != 0 && *stride != 1)) score -= 3;
  };
  judge(statement.store);
  visit_reads(statement.store, [&](const Access& read) {
    if (!read.computed) judge(read);
  });
  return score;
}

// The serial axis with the highest contiguity; among equals, the longest.
std::optional<Var> vector_axis(const Picker& picker, const Statement& statement) {
  std::optional<Var> best;
  int best_score = 0;
  for (Var v : statement.path) {
    if (picker.axis(v).tag != Tag::serial || picker.extent(v) < 4 ||
        contains(statement.store.over, v) || picker.has_loop(picker.kernel().body, Tag::vector, v))
      continue;
    const int score = contiguity(picker, statement, v);
    if (score > best_score ||
        (best && score == best_score && picker.extent(v) > picker.extent(*best)))
      best = v, best_score = score;
  }
  return best;
}

void vectorize(Picker& picker, const Statement& statement) {
  const std::optional<Var> best = vector_axis(picker, statement);
  if (!best) return;
  const std::vector<Var>& over = statement.store.over;
  const std::string name = picker.name(*best);
  const std::int64_t lanes = picker.lanes(), extent = picker.extent(*best);
  if (extent <= lanes) {
    picker.bind(name, Tag::vector);
    return;
  }
  const std::int64_t most = vectors_together(statement.store, unrolled_vectors);
  const std::int64_t together = extent >= lanes * most ? most : 1;
  const Move strips{cut(name, 'v', lanes * together)};
  const Move vectors{Bind{name + "v", Tag::vector}};
  if (!over.empty()) {
    // A reduction down columns walks all rows inside a strip of columns. If there are many rows, it
    // takes a few rows at a time along all columns, with the results of a strip in registers.
    Path others = statement.path;
    std::erase_if(others, [&](Var v) { return v == *best || contains(over, v); });
    const std::vector<std::string> outer = picker.names(others), rows = picker.names(over);
    const std::string& sum = rows.back();
    const Move strip{order_of({outer, {name + "o"}, rows, {name + "v"}})};
    const Move lines{order_of(
        {outer, {rows.begin(), rows.end() - 1}, {sum + "o", name + "o", sum + "0", name + "v"}})};
    const std::string target = picker.tensor(statement.store.tensor).name;
    const std::string tile = fmt::format("{0}.{1}o.{1}v", target, stem(name));
    if (picker.extent(over.back()) > lines_at_once &&
        picker.attempt({strips,
                        {cut(sum, '0', lines_at_once)},
                        lines,
                        vectors,
                        {Bind{sum + "0", Tag::unroll}},
                        {Stage{target, name + "o", Where::reg}},
                        {Bind{tile, Tag::vector}}}))
      return;
    if (picker.attempt({strips, strip, vectors})) return;
  }
  picker.attempt({strips, vectors});
}

}  // namespace

void pick_vectors(Picker& picker) {
  // A move for one statement can change the loops of the others: look again after each.
  std::set<std::pair<int, std::string>> seen;
  while (std::ranges::any_of(picker.plain_statements(), [&](const Statement& statement) {
    const bool is_new =
        seen.insert({statement.store.tensor, picker.name(statement.path.back())}).second;
    if (is_new) vectorize(picker, statement);
    return is_new;
  })) {
  }
}

}  // namespace tenon
