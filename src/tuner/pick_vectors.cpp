// The pick for what is not a sum of products: element-wise work, reductions down columns, streams
// and threads.
#include <fmt/format.h>

#include <algorithm>
#include <set>

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
    const bool is_plain = std::all_of(path.begin(), path.end(), [&](Var v) {
      const Tag tag = picker.axis(v).tag;
      return tag == Tag::serial || tag == Tag::parallel;
    });
    if (is_plain && !path.empty()) found.push_back({store, path});
  });
  return found;
}

// Is there a vector inside a loop over the axis?
bool holds_vectors(const Picker& picker, const std::vector<Item>& items, Var v, bool inside) {
  return std::any_of(items.begin(), items.end(), [&](const Item& item) {
    const Loop* loop = item.loop();
    if (!loop) return false;
    return (inside && picker.axis(loop->axis).tag == Tag::vector) ||
           holds_vectors(picker, loop->body, v, inside || loop->axis == v);
  });
}

// How many accesses of the statement are contiguous along the axis, less those that jump.
int contiguity(const Picker& picker, const Statement& statement, Var v) {
  int score = 0;
  const auto judge = [&](int tensor, const std::vector<Index>& at) {
    if (picker.tensor(tensor).where != Where::argument) return;
    const auto stride = picker.stride(tensor, at, v);
    if (stride == 1) score += 2;
    if (!stride || (*stride != 0 && *stride != 1)) score -= 3;
  };
  judge(statement.store.tensor, statement.store.at);
  visit_loads(statement.store, [&](const Load& load) {
    if (!load.computed) judge(load.tensor, load.at);
  });
  return score;
}

void vectorize(Picker& picker, const Statement& statement) {
  Var best = -1;
  int best_score = 0;
  const std::vector<Var>& over = statement.store.over;
  for (Var v : statement.path) {
    if (picker.axis(v).tag != Tag::serial || picker.extent(v) < 4) continue;
    if (std::find(over.begin(), over.end(), v) != over.end()) continue;
    if (holds_vectors(picker, picker.kernel().body, v, false)) continue;
    const int score = contiguity(picker, statement, v);
    if (score > best_score ||
        (score == best_score && best >= 0 && picker.extent(v) > picker.extent(best)))
      best = v, best_score = score;
  }
  if (best < 0 || best_score <= 0) return;
  const std::string name = picker.name(best), part = stem(name);
  const std::int64_t lanes = picker.lanes(), extent = picker.extent(best);
  if (extent <= lanes) {
    picker.attempt({Bind{name, Tag::vector}});
    return;
  }
  const std::int64_t together = extent >= lanes * unrolled_vectors ? unrolled_vectors : 1;
  const Move strips{Split{name, {{part + "o", 0}, {part + "v", lanes * together}}, Tail::peel}};
  const Move vectors{Bind{name + "v", Tag::vector}};
  if (!over.empty()) {
    // A reduction down columns walks its rows inside a strip of columns; or, where those are many,
    // some lines of memory at a time along all columns, with the results of a strip in registers.
    Order strip, lines;
    for (Var v : statement.path)
      if (v != best && std::find(over.begin(), over.end(), v) == over.end())
        strip.axes.push_back(picker.name(v));
    lines = strip;
    strip.axes.push_back(name + "o");
    for (Var v : over) strip.axes.push_back(picker.name(v));
    strip.axes.push_back(name + "v");
    const std::string sum = strip.axes[strip.axes.size() - 2];
    for (Var v : over) lines.axes.push_back(picker.name(v));
    lines.axes.back() = sum + "o";
    for (const std::string& axis : {name + "o", sum + "0", name + "v"}) lines.axes.push_back(axis);
    const std::string target = picker.tensor(statement.store.tensor).name;
    const std::string tile = target + "." + part + "o." + part + "v";
    if (picker.extent(over.back()) > lines_at_once &&
        picker.attempt(
            {strips,
             {Split{sum, {{stem(sum) + "o", 0}, {stem(sum) + "0", lines_at_once}}, Tail::peel}},
             {lines},
             vectors,
             {Bind{sum + "0", Tag::unroll}},
             {Stage{target, name + "o", Where::reg, 1, Layout::expand, {}}},
             {Bind{tile, Tag::vector}}}))
      return;
    if (picker.attempt({strips, {strip}, vectors})) return;
  }
  picker.attempt({strips, vectors});
}

// Element-wise work over whole contiguous tensors has one axis: fused, its tail is one in all.
void flatten(Picker& picker) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Statement& statement : plain_statements(picker)) {
      if (statement.store.combine || statement.path.size() < 2) continue;
      const Var inner = statement.path.back(), outer = statement.path[statement.path.size() - 2];
      bool joins = true;
      const auto judge = [&](int tensor, const std::vector<Index>& at) {
        const auto step = picker.stride(tensor, at, inner), jump = picker.stride(tensor, at, outer);
        joins = joins && step && jump && *jump == *step * picker.extent(inner);
      };
      judge(statement.store.tensor, statement.store.at);
      visit_loads(statement.store, [&](const Load& load) {
        joins = joins && load.inside.empty() && !load.computed;
        judge(load.tensor, load.at);
      });
      if (joins && picker.attempt({Fuse{picker.name(outer), picker.name(inner),
                                        stem(picker.name(outer)) + stem(picker.name(inner))}})) {
        changed = true;
        break;
      }
    }
  }
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

bool has_parallel(const Picker& picker, const Item& item) {
  const Loop* loop = item.loop();
  return loop && (picker.axis(loop->axis).tag == Tag::parallel ||
                  std::any_of(loop->body.begin(), loop->body.end(),
                              [&](const Item& below) { return has_parallel(picker, below); }));
}

// The outermost loops that have something for every thread.
void threads_in(Picker& picker, const std::vector<Item>& items) {
  for (const Item& item : items) {
    const Loop* loop = item.loop();
    if (!loop || work_below(picker, *loop) < worth_a_thread || has_parallel(picker, item)) continue;
    const Axis& axis = picker.axis(loop->axis);
    const bool is_enough = axis.extent >= picker.threads() && axis.tag == Tag::serial;
    if (is_enough && picker.attempt({Bind{axis.name, Tag::parallel}})) continue;
    threads_in(picker, loop->body);
  }
}

}  // namespace

void pick_vectors(Picker& picker) {
  flatten(picker);
  // Vectorizing one statement can change the loops of the others: look again after each.
  std::set<std::string> seen;
  for (bool changed = true; changed;) {
    changed = false;
    for (const Statement& statement : plain_statements(picker)) {
      const std::string key =
          fmt::format("{}/{}", statement.store.tensor, picker.name(statement.path.back()));
      if (!seen.insert(key).second) continue;
      vectorize(picker, statement);
      changed = true;
      break;
    }
  }
}

void pick_streams(Picker& picker) {
  const Kernel naive = picker.kernel();  // moves make new ones
  for (std::size_t t = 0; t < naive.tensors.size(); t++) {
    const KernelTensor& tensor = naive.tensors[t];
    if (!tensor.is_output || 4 * tensor.elements() < outgrows_caches) continue;
    for (const Item& item : naive.body)
      if (const Loop* loop = item.loop(); loop && stores_to(loop->body, static_cast<int>(t)))
        picker.attempt(
            {Stage{tensor.name, picker.name(loop->axis), Where::stream, 1, Layout::expand, {}}});
  }
}

void pick_threads(Picker& picker) {
  if (picker.threads() < 2) return;
  const std::vector<Item> items = picker.kernel().body;
  threads_in(picker, items);
}

}  // namespace tenon
