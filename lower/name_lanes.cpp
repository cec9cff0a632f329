// name_lanes: removes the loops over vector axes. Each statement in them names its lanes, the axes
// whose values it computes all at once.
//
//   for j 24 vector                      x[2*j] = .. lanes j 16
//     x[2*j] = ..                 ->     x[2*j2 + 32] = .. lanes j2 8
//
// One axis becomes the lanes of a statement: the one along which the elements that it stores are
// consecutive. An axis longer than the machine's most_lanes goes in pieces, and the other vector
// axes around the statement become unrolled loops. If a copy loads consecutive elements along one
// vector axis and stores them along another, both become its lanes, in squares that fit registers:
// such a copy is a transpose in registers.
//
// A streaming store stays one only if it is known to be aligned to the machine's vectors.
#include <map>

#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class Lanes {
 public:
  Lanes(Kernel& kernel, const Target& target) : kernel_(kernel), target_(target) {}

  // `vectors` are the vector axes around the items, and `conditions` those of their loops, which
  // are removed.
  std::vector<Item> run(const std::vector<Item>& items, const Path& vectors,
                        const std::vector<Range>& conditions) {
    return flat_mapped(items, [&](const Item& item) -> std::vector<Item> {
      std::vector<Range> when = conditions;
      append(when, item.when);
      const Loop* loop = item.loop();
      if (!loop) return pieces({item.what, when}, vectors, chosen(item, vectors));
      if (kernel_.axes[loop->axis].tag == Tag::vector) {
        Path inside = vectors;
        inside.push_back(loop->axis);
        return run(loop->body, inside, when);
      }
      std::vector<Range> branches, masks;
      for (const Range& range : when)
        (range.index.uses_any(vectors) ? masks : branches).push_back(range);
      return {{Loop{loop->axis, run(loop->body, vectors, masks), loop->begins, loop->ends},
               std::move(branches)}};
    });
  }

 private:
  // A part of a vector axis: one statement, or an unrolled loop of statements.
  struct Piece {
    Index at;         // the value of the axis
    Path lanes = {};  // none: one value
    Path loop = {};   // none: a single statement
  };

  // The axes that become the lanes of the statement: one of the vector axes, or the two along which
  // a copy loads and stores consecutive elements. None if its subscript is computed, because two
  // lanes might store to one element.
  Path chosen(const Item& item, const Path& vectors) const {
    const Access& access = *access_in(item.what);
    if (vectors.empty() || access.computed) return {};
    const Index target = flat(kernel_.tensors[access.tensor], access.at);
    if (const Store* store = item.store(); store && !store->combine) {
      const auto* load = std::get_if<Load>(&store->value->detail);
      if (load && !load->computed && info(store->value->type).bytes == word) {
        const Index source = flat(kernel_.tensors[load->tensor], load->at);
        Path both = along(source, target, vectors);
        append(both, along(target, source, vectors));
        if (both.size() == 2) return both;
      }
    }
    for (const Var v : vectors)
      if (target.coefficient(v) == 1) return {v};
    return {vectors.back()};
  }

  // The first of the axes along which one index is consecutive and the other one is not.
  static Path along(const Index& one, const Index& other, const Path& axes) {
    for (const Var v : axes)
      if (one.coefficient(v) == 1 && other.coefficient(v) != 1) return {v};
    return {};
  }

  // The statement for all values of the axes that are `left`, outermost first.
  std::vector<Item> pieces(Item item, const Path& left, const Path& chosen) {
    if (left.empty()) {
      if (Store* store = item.store()) store->stream = is_aligned(item, *store);
      return {{std::move(item)}};
    }
    const Var axis = left.front();
    std::int64_t most = 1;
    if (contains(chosen, axis))
      most = chosen.size() == 1 ? target_.most_lanes : target_.vector_bytes / word;
    return flat_mapped(pieces_of(axis, most), [&](const Piece& piece) {
      std::vector<Item> at = {item};
      replace_indices(at, replacing(kernel_, {axis}, {piece.at}));
      Path& lanes = *lanes_in(at[0]);
      const bool is_target_run = chosen.size() == 2 && axis == chosen[1];
      lanes.insert(is_target_run ? lanes.end() : lanes.begin(), piece.lanes.begin(),
                   piece.lanes.end());
      at = pieces(std::move(at[0]), Path(left.begin() + 1, left.end()), chosen);
      return wrap(std::move(at), piece.loop);
    });
  }

  // The axis in pieces of `most` values, and pieces for what is left. A piece of several registers
  // is a power of two: LLVM 19 drops a part of the mask of a load of 24 lanes.
  const std::vector<Piece>& pieces_of(Var axis, std::int64_t most) {
    std::vector<Piece>& result = pieces_[{axis, most}];
    if (!result.empty()) return result;
    const std::string name = kernel_.axes[axis].name;
    const std::int64_t extent = kernel_.extent(axis), whole = extent / most;
    const auto add = [&](std::int64_t first, std::int64_t count, std::int64_t lanes) {
      Piece piece{Index(first)};
      if (lanes > 1)
        piece.lanes = {lanes == extent ? axis : kernel_.add_axis(name, lanes, Tag::vector)};
      if (count > 1) piece.loop = {kernel_.add_axis(name, count, Tag::unroll)};
      for (Var v : piece.lanes) piece.at = piece.at + Index::var(v);
      for (Var v : piece.loop) piece.at = piece.at + Index::var(v) * lanes;
      result.push_back(piece);
    };
    if (whole > 0) add(0, whole, most);
    for (std::int64_t first = whole * most; first < extent;) {
      const std::int64_t rest = extent - first;
      const auto lanes = static_cast<std::int64_t>(
          rest <= target_.vector_bytes / word ? rest
                                              : std::bit_floor(static_cast<std::uint64_t>(rest)));
      add(first, 1, lanes);
      first += lanes;
    }
    return result;
  }

  // May the store bypass the caches? It must write whole vectors of the machine to memory, without
  // a mask, and each must begin at a multiple of its size.
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
    return !first.uses(lanes) && mod(first, vector, kernel_.bounds()) == Index(0);
  }

  static constexpr int word = 4;  // bytes of an element that is transposed or streamed

  Kernel& kernel_;
  const Target& target_;
  std::map<std::pair<Var, std::int64_t>, std::vector<Piece>> pieces_;
};

}  // namespace

Kernel name_lanes(Kernel kernel, const Target& target) {
  kernel.body = Lanes(kernel, target).run(kernel.body, {}, {});
  return kernel;
}

}  // namespace tenon
