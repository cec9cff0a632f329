// The pick for sums of products: matrix products, convolutions and what is like them. The tile of
// the result that fits into registers is `rows` x `vectors`; the operand that has the vector axis
// ("b") is packed in panels that stay in the caches, as in BLIS (Van Zee, van de Geijn, 2015). The
// other one ("a") is read element by element, and packed if its elements are far apart. If both
// operands and the result are contiguous along one axis (the strands of a canonical order), the
// vectors run along that axis; the code calls this case has_lanes().
#include <algorithm>
#include <bit>

#include "tuner/schedule/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t rows_together = 64;       // of a, in a tile that is staged
constexpr std::int64_t panel_bytes = 8 << 20;    // of b, packed: a part of the last-level cache
constexpr std::int64_t packing_pays = 4;         // times that an element is used again
constexpr std::int64_t worth_threads = 1 << 17;  // multiplications
constexpr std::int64_t shortest_sum = 32;        // terms; packing pays for no shorter sum
constexpr std::int64_t stays_near = 1 << 20;     // bytes of b that need no packing: they stay in L2
constexpr std::int64_t enough_chains = 16;       // of FMAs; two units of 4 cycles need half of them
constexpr std::int64_t chains_of_lanes = 24;     // more, as a comes in whole vectors too

// A statement target += a * b with the axes that matter.
struct Product {
  Path path;
  Store store;
  Load a, b;                  // b has the column, a the row
  Var column = -1, row = -1;  // the axes of the result that make the tile
  Var vector = -1;            // an axis along which all are contiguous; else the column

  bool sums_over(Var v) const { return contains(store.over, v); }
  // Is it an axis of the result that indexes a and not b?
  bool is_of_a(Var v) const { return uses(store.at, v) && uses(a.at, v) && !uses(b.at, v); }
  // Does such an axis share a subscript of a with a summed axis, like i + r in a convolution?
  bool is_window(Var v) const {
    return is_of_a(v) && std::ranges::any_of(a.at, [&](const Index& index) {
             const auto used = [&](Var sum) { return index.uses(sum); };
             return used(v) && std::ranges::any_of(store.over, used);
           });
  }
};

// How good the axis is as the column, higher is better: long axes first, then those that are
// contiguous in b and in the result.
std::int64_t worth(const Picker& picker, const Store& store, const Load& b, Var v) {
  std::int64_t score = std::min(picker.extent(v), picker.lanes()) * 4;
  if (picker.is_contiguous(b, v)) score += picker.lanes();
  if (picker.is_contiguous(store, v)) score += 2 * picker.lanes();
  return score;
}

std::optional<Product> find_product(const Picker& picker) {
  std::optional<Product> found;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    if (found || !store.factor || store.over.empty() || store.computed) return;
    const auto* left = std::get_if<Load>(&store.value->detail);
    const auto* right = std::get_if<Load>(&store.factor->detail);
    if (!left || !right || left->computed || right->computed) return;
    Product product{path, store, *left, *right};
    for (Var v : path)
      if (picker.is_contiguous(*left, v) && picker.is_contiguous(*right, v) &&
          picker.is_contiguous(store, v))
        product.vector = v;
    const auto last = store.at.empty() ? std::nullopt : store.at.back().as_var();
    if (product.vector < 0 && last && uses(left->at, *last) && uses(right->at, *last))
      return;  // such as strands that are not contiguous in all: for the other rules
    std::int64_t best = 0;
    for (Var v : path) {
      const bool in_left = uses(left->at, v);
      if (!uses(store.at, v) || in_left == uses(right->at, v)) continue;
      const Load& b = in_left ? *left : *right;
      const std::int64_t score = product.vector < 0 ? worth(picker, store, b, v) : picker.extent(v);
      if (score <= best) continue;
      best = score;
      product.column = v;
      product.a = in_left ? *right : *left;
      product.b = b;
    }
    for (Var v : path)
      if (product.is_of_a(v) && (product.row < 0 || picker.extent(v) > picker.extent(product.row)))
        product.row = v;
    if (product.vector < 0) product.vector = product.column;
    if (product.column >= 0 && product.row >= 0) found = std::move(product);
  });
  return found;
}

std::int64_t tiles(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

class ProductPick {
 public:
  ProductPick(Picker& picker, const Product& product)
      : picker_(picker),
        product_(product),
        i_(picker.name(product.row)),
        j_(picker.name(product.column)),
        v_(picker.name(product.vector)),
        columns_(picker.extent(product.column)),
        rows_(picker.extent(product.row)) {
    const auto along = static_cast<std::uint64_t>(picker.extent(product.vector));
    width_ = std::min<std::int64_t>(picker.lanes(), std::bit_ceil(along));
    column_step_ = has_lanes() ? 1 : width_;
    vectors_ = std::clamp<std::int64_t>(
        has_lanes() ? std::clamp<std::int64_t>(chains_of_lanes / rows_, 2, 4) : 2, 1,
        std::max<std::int64_t>(columns_ / column_step_, 1));
    // Accumulators, the vectors of b and one element of a fit into the registers.
    const std::int64_t accumulators = std::min(picker.vector_registers() - vectors_ - 1,
                                               has_lanes() ? chains_of_lanes : enough_chains);
    tile_rows_ = tiles(rows_, tiles(rows_, accumulators / vectors_));  // tiles of nearly one size
    for (Var v : product.path) {
      const bool is_term = product.sums_over(v) || (has_lanes() && v == product.vector);
      (is_term ? terms_ : results_) *= picker.extent(v);
    }
  }

  void run() {
    // Outermost are the axes that index b, so that a panel of b is used for all other axes. The
    // axes of a window are inner, so that tiles that read the same elements of a follow each other.
    std::vector<std::string> outer, middle, inner, sums;
    for (Var v : product_.path) {
      if (v == product_.column || v == product_.row || v == product_.vector) continue;
      auto& place = product_.sums_over(v)                        ? sums
                    : product_.is_window(v)                      ? inner
                    : has_lanes() && !uses(product_.store.at, v) ? inner
                    : product_.is_of_a(v)                        ? middle
                                                                 : outer;
      place.push_back(picker_.name(v));
    }
    const std::string i = stem(i_), j = stem(j_), v = stem(v_);
    const std::int64_t panel =
        std::clamp<std::int64_t>(panel_bytes / (terms_ * 4 * column_step_ * vectors_), 1,
                                 tiles(columns_, column_step_ * vectors_));
    const std::int64_t share = tiles(tiles(rows_, tile_rows_), picker_.threads());
    std::vector<Part> columns{{j + "c"}, {j + "r", panel}, {j + "0", vectors_}};
    const std::int64_t group = std::clamp<std::int64_t>(rows_together / tile_rows_, 1, share);
    const std::vector<Part> rows{{i + "c"}, {i + "r", group}, {i + "0", tile_rows_}};
    std::vector<Move> moves;
    if (has_lanes()) {
      moves.push_back({cut(v_, 'v', width_)});
      inner.push_back(v_ + "o");
    } else {
      columns.push_back({v + "v", width_});
    }
    moves.push_back({Split{j_, columns, Tail::peel}});
    moves.push_back({Split{i_, rows, Tail::peel}});
    const std::vector<std::string> groups{i_ + "c", j_ + "r", i_ + "r"};
    const std::vector<std::string> tile{i_ + "0", j_ + "0", v_ + "v"};
    moves.push_back({order_of({outer, {j_ + "c"}, middle, groups, inner, sums, tile})});
    if (!picker_.attempt(moves)) return;
    bind_tile(i_ + "0", j_ + "0", v_ + "v");
    if (!has_lanes()) stage_b();  // with lanes, b is contiguous already
    stage_a();
    stage_target(inner.empty() ? i_ + "r" : inner.back());
    if (picker_.threads() > 1 && terms_ * results_ >= worth_threads) threads(outer, middle);
  }

 private:
  bool has_lanes() const { return product_.vector != product_.column; }
  const std::string& name(int tensor) const { return picker_.tensor(tensor).name; }

  void bind_tile(const std::string& rows, const std::string& vectors, const std::string& lanes) {
    picker_.bind(lanes, Tag::vector);
    picker_.bind(vectors, Tag::unroll);
    picker_.bind(rows, Tag::unroll);
  }

  void stage_b() {
    const Load& b = product_.b;
    const bool is_contiguous = picker_.is_contiguous(b, product_.column);
    const bool is_near = picker_.bytes(b.tensor) <= stays_near;
    if (rows_ / tile_rows_ < packing_pays || terms_ < shortest_sum || (is_contiguous && is_near))
      return;
    if (stage(b, j_, Layout::expand)) pack(tile_of(b.tensor, j_), stem(j_) + "v", is_contiguous);
  }

  // If a is contiguous along the sum, it is read where it is. With padding it is copied all the
  // same, because a test for every element costs more than the copy.
  void stage_a() {
    const Load& a = product_.a;
    const std::string tile = tile_of(a.tensor, i_);
    if (!a.inside.empty() && stage(a, i_, Layout::box))
      return picker_.vectorize_copy(tile + std::to_string(a.at.size() - 1));
    const bool is_contiguous = picker_.is_contiguous(a, product_.store.over.back());
    if (columns_ / (column_step_ * vectors_) < packing_pays || terms_ < shortest_sum ||
        (is_contiguous && a.inside.empty()) || !stage(a, i_, Layout::expand))
      return;
    if (has_lanes())
      picker_.bind(tile + stem(v_) + "v", Tag::vector);
    else
      pack(tile, stem(i_) + "0", !is_contiguous);
  }

  // Stages a tile of the operand in each iteration of the axis's outermost part.
  bool stage(const Load& load, const std::string& axis, Layout layout) {
    return picker_.attempt({Stage{name(load.tensor), axis + "c", Where::heap, 1, layout}});
  }
  // The names of the loops that copy this tile begin so.
  std::string tile_of(int tensor, const std::string& axis) const {
    return name(tensor) + "." + stem(axis) + "c.";
  }

  // The loops of a packing copy: vectors along its innermost axis, or a transpose where the operand
  // is contiguous along the sum.
  void pack(const std::string& tile, const std::string& inner, bool is_contiguous) {
    if (!is_contiguous)
      picker_.vectorize_copy(tile + stem(picker_.name(product_.store.over.back())));
    picker_.bind(tile + inner, Tag::vector);
  }

  // A target in memory is held in registers while its tile is computed.
  void stage_target(const std::string& at) {
    const int target = product_.store.tensor;
    const bool is_small = picker_.tensor(target).where != Where::argument;
    if ((is_small && !has_lanes()) || !picker_.attempt({Stage{name(target), at, Where::reg}}))
      return;
    const std::string tile = name(target) + "." + stem(at) + ".";
    bind_tile(tile + stem(i_) + "0", tile + stem(j_) + "0", tile + stem(v_) + "v");
  }

  // Threads share out an axis of `outer`; otherwise an axis of `inside` or the groups of rows, and
  // then the packing of b too.
  void threads(const std::vector<std::string>& outer, std::vector<std::string> inside) {
    const auto parallel = [&](const std::string& name) {
      const auto axis = picker_.kernel().find_axis(name);
      return picker_.extent(*axis) >= picker_.threads() && picker_.bind(name, Tag::parallel);
    };
    if (std::ranges::any_of(outer, parallel)) return;
    inside.push_back(i_ + "c");
    if (std::ranges::any_of(inside, parallel))
      picker_.bind(tile_of(product_.b.tensor, j_) + stem(j_) + "r", Tag::parallel);
  }

  Picker& picker_;
  Product product_;
  std::string i_, j_, v_;  // the names of row, column and the vectors' axis
  std::int64_t columns_, rows_;
  std::int64_t width_, column_step_, vectors_, tile_rows_, terms_ = 1, results_ = 1;
};

}  // namespace

void pick_products(Picker& picker) {
  if (auto product = find_product(picker)) ProductPick(picker, *product).run();
}

}  // namespace tenon
