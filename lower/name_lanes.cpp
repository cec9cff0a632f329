// name_lanes: a vector axis is no loop any more. Each statement below it names the axes that it
// computes at once, as its lanes.
//
//   for j 24 vector                      x[2*j] = .. lanes j 16
//     x[2*j] = ..                 ->     x[2*j2 + 32] = .. lanes j2 8
//
// One axis becomes the lanes of a statement: the one along which its target is consecutive. What
// is longer than the target's most lanes goes in pieces, and the other vector axes around the
// statement become unrolled loops. Where the source of a copy is consecutive along one vector axis
// and its target along another, both become its lanes, in squares that fit registers: such a copy
// is a transpose in registers.
//
// A store to a stream stays one where it is known to be aligned to the target's vectors.
#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "core/ranges.h"
#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class Lanes {
 public:
  Lanes(Kernel& kernel, const Target& target) : kernel_(kernel), target_(target) {}

  // `vectors` are the vector axes around the items, `conditions` those of the loops that are gone.
  std::vector<Item> run(const std::vector<Item>& items, const Path& vectors,
                        const std::vector<Range>& conditions) {
    std::vector<Item> result;
    for (const Item& item : items) {
      std::vector<Range> when = conditions;
      append(when, item.when);
      const Loop* loop = item.loop();
      if (!loop) {
        statement({item.what, when}, vectors, result);
      } else if (kernel_.axes[loop->axis].tag == Tag::vector) {
        Path inside = vectors;
        inside.push_back(loop->axis);
        append(result, run(loop->body, inside, when));
      } else {
        std::vector<Range> branches, masks;
        for (const Range& range : when)
          (uses_any(range.index, vectors) ? masks : branches).push_back(range);
        Loop copy = *loop;
        copy.body = run(loop->body, vectors, masks);
        result.push_back({std::move(copy), std::move(branches)});
      }
    }
    return result;
  }

 private:
  // Of a vector axis: one statement, or an unrolled loop of them.
  struct Piece {
    Var loop = -1;   // none: a single statement
    Var lanes = -1;  // none: one value
    Index at;        // the axis
  };

  static bool uses_any(const Index& index, const Path& axes) {
    return std::ranges::any_of(axes, [&](Var v) { return index.uses(v); });
  }

  // What a statement computes at once: along one axis, or in a turn along two.
  struct Choice {
    Var axis = -1;  // -1: one value
    Var row = -1;   // in a turn: along which the target runs; the source runs along `axis`
  };

  void statement(const Item& item, const Path& vectors, std::vector<Item>& result) {
    const Choice choice = turn(item, vectors).value_or(Choice{active_axis(item, vectors)});
    append(result, pieces(item, vectors, choice));
  }

  // Of the vector axes, the one whose lanes become vectors: consecutive in the target where one is.
  // -1: none, where lanes might meet in one place.
  Var active_axis(const Item& item, const Path& vectors) const {
    const Access& access = *access_in(item.what);
    if (vectors.empty() || access.computed) return -1;
    const Index target = flat(kernel_.tensors[access.tensor], access.at);
    for (const Var axis : vectors)
      if (target.coefficient(axis) == 1) return axis;
    return vectors.back();
  }

  // The axes along which source and target run, if this item is a copy that turns.
  std::optional<Choice> turn(const Item& item, const Path& vectors) const {
    const Store* store = item.store();
    if (!store || store->combine || store->computed || vectors.size() < 2) return {};
    const auto* load = std::get_if<Load>(&store->value->detail);
    if (!load || load->computed || info(store->value->type).bytes != word) return {};
    const Index source = flat(kernel_.tensors[load->tensor], load->at);
    const Index target = flat(kernel_.tensors[store->tensor], store->at);
    const auto along = [&](const Index& one, const Index& other) {
      const auto found = std::ranges::find_if(
          vectors, [&](Var v) { return one.coefficient(v) == 1 && other.coefficient(v) != 1; });
      return found == vectors.end() ? -1 : *found;
    };
    const Choice result{along(source, target), along(target, source)};
    return result.axis < 0 || result.row < 0 ? std::nullopt : std::optional(result);
  }

  // The statement for all values of the axes that are `left`, outermost first.
  std::vector<Item> pieces(Item item, const Path& left, const Choice& choice) {
    if (left.empty()) {
      if (Store* store = item.store()) store->stream = is_aligned(item, *store);
      return {{std::move(item)}};
    }
    const Var axis = left.front();
    std::int64_t most = 1;
    if (axis == choice.axis || axis == choice.row)
      most = choice.row < 0 ? target_.most_lanes : target_.vector_bytes / word;
    std::vector<Item> result;
    for (const Piece& piece : pieces_of(axis, most)) {
      std::vector<Item> at = {item};
      replace_indices(at, replacing(kernel_, {axis}, {piece.at}));
      if (piece.lanes >= 0) {
        std::vector<Var>& lanes = lanes_of(at[0]);
        lanes.insert(axis == choice.row ? lanes.end() : lanes.begin(), piece.lanes);
      }
      at = pieces(std::move(at[0]), Path(left.begin() + 1, left.end()), choice);
      if (piece.loop >= 0) at = {{Loop{piece.loop, std::move(at)}}};
      append(result, at);
    }
    return result;
  }

  static std::vector<Var>& lanes_of(Item& item) {
    Store* store = item.store();
    return store ? store->lanes : std::get<Prefetch>(item.what).lanes;
  }

  // The axis in pieces of so many values, and what is left.
  const std::vector<Piece>& pieces_of(Var axis, std::int64_t most) {
    std::vector<Piece>& result = pieces_[{axis, most}];
    if (!result.empty()) return result;
    const std::string name = kernel_.axes[axis].name;
    const std::int64_t extent = kernel_.extent(axis), whole = extent / most, rest = extent % most;
    const auto part = [&](std::int64_t count, Tag tag) {
      return count == extent && tag == Tag::vector ? axis : kernel_.add_axis(name, count, tag);
    };
    if (whole > 0) {
      Piece piece;
      if (most > 1) piece.lanes = part(most, Tag::vector);
      if (whole > 1) piece.loop = part(whole, Tag::unroll);
      if (whole > 1) piece.at = Index::var(piece.loop) * most;
      if (most > 1) piece.at = piece.at + Index::var(piece.lanes);
      result.push_back(piece);
    }
    if (rest > 0) {
      Piece piece{.at = Index(whole * most)};
      if (rest > 1) piece.lanes = part(rest, Tag::vector);
      if (rest > 1) piece.at = piece.at + Index::var(piece.lanes);
      result.push_back(piece);
    }
    return result;
  }

  // May the store bypass the caches? It writes whole vectors of the target to memory, all lanes of
  // them, and each begins at a multiple of its size.
  bool is_aligned(const Item& item, const Store& store) const {
    if (!store.stream || store.combine || store.computed || store.lanes.size() != 1) return false;
    const KernelTensor& tensor = kernel_.tensors[store.tensor];
    const Var lanes = store.lanes[0];
    const std::int64_t vector = target_.vector_bytes / info(tensor.type).bytes;  // elements
    if (tensor.where != Where::argument || info(tensor.type).bytes != word ||
        kernel_.extent(lanes) % vector != 0 ||
        std::ranges::any_of(item.when, [&](const Range& r) { return r.index.uses(lanes); }))
      return false;
    const Index first = flat(tensor, store.at) - Index::var(lanes);
    return !first.uses(lanes) && first.constant() % vector == 0 &&
           std::ranges::all_of(first.terms(), [&](const Index::Term& term) {
             return term.coefficient % vector == 0;
           });
  }

  static constexpr int word = 4;  // bytes of what is turned or streamed

  Kernel& kernel_;
  const Target& target_;
  std::map<std::pair<Var, std::int64_t>, std::vector<Piece>> pieces_;
};

}  // namespace

Kernel name_lanes(const Kernel& kernel, const Target& target) {
  Kernel result = kernel;
  result.body = Lanes(result, target).run(kernel.body, {}, {});
  return result;
}

}  // namespace tenon
