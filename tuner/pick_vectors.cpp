// The pick for what is not a sum of products: element-wise work, reductions down columns, streams,
// prefetches and threads.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tuner/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t worth_a_thread = 1 << 15;  // operations
constexpr std::int64_t unrolled_vectors = 4;
constexpr std::int64_t lines_at_once = 16;
constexpr std::int64_t outgrows_caches = 8 << 20;  // bytes of a result

// A statement that nothing has scheduled yet, and its loops.
struct Statement {
  Store store;
  Path path;
};
std::vector<Statement> plain_statements(const Picker& picker) {
  std::vector<Statement> found;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    const bool is_plain = std::ranges::all_of(path, [&](Var v) {
      return picker.axis(v).tag == Tag::serial || picker.axis(v).tag == Tag::parallel;
    });
    if (is_plain && !path.empty()) found.push_back({store, path});
  });
  return found;
}

// Is there a loop with this tag among the items or below, and inside the loop over an axis?
bool has_loop(const Picker& picker, const std::vector<Item>& items, Tag tag,
              std::optional<Var> inside = {}) {
  bool found = false;
  visit(items, [&](const Item& item, const Way& way) {
    found = found || (item.loop() && picker.axis(item.loop()->axis).tag == tag &&
                      (!inside || contains(way.path, *inside)));
  });
  return found;
}

// How many accesses of the statement are contiguous along the axis, less those that jump.
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

// The axis along which most is contiguous, the longest of such.
std::optional<Var> vector_axis(const Picker& picker, const Statement& statement) {
  std::optional<Var> best;
  int best_score = 0;
  for (Var v : statement.path) {
    if (picker.axis(v).tag != Tag::serial || picker.extent(v) < 4 ||
        contains(statement.store.over, v) || has_loop(picker, picker.kernel().body, Tag::vector, v))
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
  const std::int64_t together = extent >= lanes * unrolled_vectors ? unrolled_vectors : 1;
  const Move strips{cut(name, 'v', lanes * together)};
  const Move vectors{Bind{name + "v", Tag::vector}};
  if (!over.empty()) {
    // A reduction down columns walks its rows inside a strip of columns; or, where those are many,
    // some lines of memory at a time along all columns, with the results of a strip in registers.
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

// Element-wise work over whole contiguous tensors has one axis: fused, its tail is one in all.
bool flatten(Picker& picker, const Statement& statement) {
  const auto& [store, path] = statement;
  if (store.combine || path.size() < 2) return false;
  const Var inner = path.back(), outer = path[path.size() - 2];
  const auto joins = [&](const auto& access) {
    const auto step = picker.stride(access.tensor, access.at, inner);
    const auto jump = picker.stride(access.tensor, access.at, outer);
    return step && jump && *jump == *step * picker.extent(inner);
  };
  bool all_join = joins(store);
  visit_values(store, [&](const Value& v) {
    const Access* read = access_in(v.detail);
    const auto* ranges = ranges_in(v.detail);
    if (read)
      all_join = all_join && (!ranges || ranges->empty()) && !read->computed && joins(*read);
  });
  const std::string &from = picker.name(outer), &to = picker.name(inner);
  return all_join && picker.attempt({Fuse{from, to, stem(from) + stem(to)}});
}

std::int64_t work_below(const Picker& picker, const Loop& loop) {
  std::int64_t work = 0;
  visit_stores(loop.body, [&](const Store&, const Path& path) {
    std::int64_t iterations = picker.extent(loop.axis);
    for (Var v : path) iterations *= picker.extent(v);
    work += iterations;
  });
  return work;
}

// The outermost loops that have something for every thread.
void threads_in(Picker& picker, const std::vector<Item>& items) {
  for (const Item& item : items) {
    const Loop* loop = item.loop();
    if (!loop || work_below(picker, *loop) < worth_a_thread) continue;
    const Axis& axis = picker.axis(loop->axis);
    if (axis.tag == Tag::parallel || has_loop(picker, loop->body, Tag::parallel)) continue;
    const bool is_enough = axis.extent >= picker.threads() && axis.tag == Tag::serial;
    if (is_enough && picker.bind(axis.name, Tag::parallel)) continue;
    threads_in(picker, loop->body);
  }
}

}  // namespace

void pick_vectors(Picker& picker) {
  // A move for one statement can change the loops of the others: look again after each.
  while (std::ranges::any_of(plain_statements(picker), [&](const Statement& statement) {
    return flatten(picker, statement);
  })) {
  }
  std::set<std::pair<int, std::string>> seen;
  while (std::ranges::any_of(plain_statements(picker), [&](const Statement& statement) {
    const bool is_new =
        seen.insert({statement.store.tensor, picker.name(statement.path.back())}).second;
    if (is_new) vectorize(picker, statement);
    return is_new;
  })) {
  }
}

void pick_streams(Picker& picker) {
  const Kernel naive = picker.kernel();  // moves make new ones
  for (int t = 0; t < std::ssize(naive.tensors); t++) {
    const KernelTensor& tensor = naive.tensors[t];
    if (!tensor.is_output || 4 * tensor.elements() < outgrows_caches) continue;
    for (const Item& item : naive.body)
      if (const Loop* loop = item.loop(); loop && stores_to(loop->body, t))
        picker.attempt({Stage{tensor.name, picker.name(loop->axis), Where::stream}});
  }
}

void pick_ahead(Picker& picker) {
  const Kernel naive = picker.kernel();
  for (int t = 0; t < std::ssize(naive.tensors); t++) {
    if (naive.tensors[t].is_output || picker.bytes(t) < outgrows_caches) continue;
    const std::vector<Use> uses = uses_of(naive.body, t);
    if (uses.size() < 2 || uses.back().path.size() < 3) continue;
    const Path inner(uses.back().path.end() - 3, uses.back().path.end());
    const auto step = [&](Var v) { return picker.stride(t, uses.back().at, v).value_or(0); };
    const std::int64_t row = step(inner[0]), strip = step(inner[1]);
    if (picker.axis(inner[2]).tag != Tag::vector || step(inner[2]) != 1 || strip < 1 || row < strip)
      continue;
    if (8 * row > picker.cache_bytes()) continue;  // this row and the next one
    const int rows_ahead = static_cast<int>((row + strip - 1) / strip);
    const std::string &name = naive.tensors[t].name, loop = picker.name(inner[1]);
    const std::string tile = fmt::format("{}.{}.{}", name, stem(loop), stem(picker.name(inner[2])));
    picker.attempt({{Stage{name, loop, Where::reg, rows_ahead + 1}}, {Bind{tile, Tag::vector}}});
  }
}

void pick_threads(Picker& picker) {
  if (picker.threads() < 2) return;
  threads_in(picker, std::vector(picker.kernel().body));  // a copy: moves make new ones
}

}  // namespace tenon
