// The pick for sums of products: matrix products, convolutions and what is like them. The tile of
// the result that fits into registers is `rows` x `vectors`; the operand that has the vector axis
// ("b") is packed in panels that stay in the second-level cache, the other one ("a") in blocks, as
// in BLIS (Van Zee, van de Geijn, 2015).
#include <fmt/format.h>

#include <algorithm>

#include "tuner/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t rows_of_block = 64;       // of a
constexpr std::int64_t panel_bytes = 8 << 20;    // of b, packed: a part of the last-level cache
constexpr std::int64_t packing_pays = 4;         // times that an element is used again
constexpr std::int64_t worth_threads = 1 << 17;  // multiplications
constexpr std::int64_t lines_at_once = 8;        // of an operand that is read once
constexpr std::int64_t shortest_sum = 32;        // terms for which packing pays
constexpr std::int64_t small_result = 1 << 20;   // bytes of b that need no packing: they stay in L2

// A statement target += a * b with the axes that matter.
struct Product {
  Path path;
  Store store;
  Load a, b;                  // b has the vector axis, a does not
  Var column = -1, row = -1;  // the axes of the vectors, and of the rows; row -1: none
  std::vector<Var> over;
};

bool uses(const std::vector<Index>& at, Var v) {
  return std::any_of(at.begin(), at.end(), [v](const Index& index) { return index.uses(v); });
}

// Higher is better: long axes first, then those that are contiguous where they are read and
// written.
std::int64_t worth(const Picker& picker, const Store& store, const Load& b, Var v) {
  std::int64_t score = std::min(picker.extent(v), picker.lanes()) * 4;
  if (picker.stride(b.tensor, b.at, v) == 1) score += picker.lanes();
  if (picker.stride(store.tensor, store.at, v) == 1) score += 2 * picker.lanes();
  return score;
}

std::optional<Product> find_product(const Picker& picker) {
  std::optional<Product> found;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    if (found || !store.factor || store.over.empty() || store.computed) return;
    const bool has_lanes = std::any_of(path.begin(), path.end(),
                                       [&](Var v) { return picker.axis(v).tag == Tag::vector; });
    if (has_lanes) return;  // partial sums side by side have their vectors
    const auto* left = std::get_if<Load>(&store.value->detail);
    const auto* right = std::get_if<Load>(&store.factor->detail);
    if (!left || !right || left->computed || right->computed) return;
    Product product{path, store, *left, *right, -1, -1, store.over};
    std::int64_t best = 0;
    for (Var v : path) {
      if (!uses(store.at, v) || picker.axis(v).tag != Tag::serial) continue;
      const bool in_left = uses(left->at, v), in_right = uses(right->at, v);
      if (in_left == in_right) continue;
      const Load& b = in_left ? *left : *right;
      const std::int64_t score = worth(picker, store, b, v);
      if (score <= best) continue;
      best = score;
      product.column = v;
      product.a = in_left ? *right : *left;
      product.b = b;
    }
    if (product.column < 0) return;
    for (Var v : path) {
      if (!uses(store.at, v) || !uses(product.a.at, v) || uses(product.b.at, v)) continue;
      if (product.row < 0 || picker.extent(v) > picker.extent(product.row)) product.row = v;
    }
    found = std::move(product);
  });
  return found;
}

std::int64_t power_of_two_at_least(std::int64_t n) {
  std::int64_t power = 1;
  while (power < n) power *= 2;
  return power;
}

std::int64_t tiles(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

class ProductPick {
 public:
  ProductPick(Picker& picker, Product product) : picker_(picker), product_(std::move(product)) {
    const bool is_wide = picker.isa() == Isa::avx512;
    const std::int64_t columns = picker.extent(product_.column);
    width_ = std::min(picker.lanes(), power_of_two_at_least(columns));
    vectors_ = columns >= 2 * width_ ? 2 : 1;
    const std::int64_t most_rows = is_wide ? (vectors_ == 2 ? 8 : 14) : (vectors_ == 2 ? 6 : 10);
    if (product_.row < 0)  // nothing is used again: long stretches of every line of b
      vectors_ = std::clamp<std::int64_t>(columns / width_, 1, is_wide ? 16 : 8);
    rows_ = product_.row < 0 ? 1 : std::min(most_rows, picker.extent(product_.row));
    for (Var v : product_.over) terms_ *= picker.extent(v);
    const std::int64_t column_tiles = tiles(columns, width_ * vectors_);
    const std::int64_t tile_bytes = std::max<std::int64_t>(terms_, 1) * 4 * width_ * vectors_;
    streams_ = product_.row < 0 && picker_.bytes(product_.b.tensor) > small_result &&
               picker.extent(product_.over.back()) >= lines_at_once;
    if (streams_) vectors_ = std::min<std::int64_t>(vectors_, 4);
    panel_ = std::clamp<std::int64_t>(panel_bytes / tile_bytes, 1,
                                      std::max<std::int64_t>(column_tiles, 1));
    const std::int64_t row_tiles = product_.row < 0 ? 1 : tiles(picker.extent(product_.row), rows_);
    const std::int64_t share = tiles(row_tiles, picker.threads());  // every thread gets a block
    block_ = std::clamp<std::int64_t>(rows_of_block / rows_, 1, std::max<std::int64_t>(share, 1));
  }

  bool run() {
    names();
    std::vector<Move> moves;
    std::vector<Part> parts{{column_part("c"), 0},
                            {column_part("r"), panel_},
                            {column_part("0"), vectors_},
                            {column_part("v"), width_}};
    if (streams_) {
      parts.erase(parts.begin() + 1);
      const std::string sum = picker_.stem(product_.over.back());
      moves.push_back(
          {split_of(product_.over.back(), {{sum + "o", 0}, {sum + "0", lines_at_once}})});
    }
    moves.push_back({split_of(product_.column, std::move(parts))});
    if (product_.row >= 0)
      moves.push_back({split_of(
          product_.row, {{row_part("c"), 0}, {row_part("r"), block_}, {row_part("0"), rows_}})});
    moves.push_back({order()});
    if (!picker_.attempt(moves)) return false;
    picker_.attempt({Bind{full(product_.column, "v"), Tag::vector}});
    picker_.attempt({Bind{full(product_.column, "0"), Tag::unroll}});
    if (streams_) picker_.attempt({Bind{sum_name_ + "0", Tag::unroll}});
    if (product_.row >= 0) picker_.attempt({Bind{full(product_.row, "0"), Tag::unroll}});
    stage_operands();
    stage_target();
    if (picker_.threads() > 1) threads();
    return true;
  }

 private:
  void names() {
    const std::string column = picker_.name(product_.column);
    column_name_ = column;
    column_stem_ = picker_.stem(product_.column);
    sum_name_ = picker_.name(product_.over.back());
    if (product_.row >= 0) {
      row_name_ = picker_.name(product_.row);
      row_stem_ = picker_.stem(product_.row);
    }
    for (Var v : product_.path) path_names_.push_back(picker_.name(v));
  }
  std::string column_part(const char* suffix) const { return column_stem_ + suffix; }
  std::string row_part(const char* suffix) const { return row_stem_ + suffix; }
  std::string full(Var v, const char* suffix) const {
    return (v == product_.column ? column_name_ : row_name_) + suffix;
  }

  Split split_of(Var v, std::vector<Part> parts) const {
    return {picker_.name(v), std::move(parts), Tail::peel};
  }

  // Everything else as it was; then panels, blocks, sums in the order of their terms, and the tile.
  Order order() const {
    Order order;
    std::vector<std::string> sums;
    for (std::size_t i = 0; i < product_.path.size(); ++i) {
      const Var v = product_.path[i];
      if (v == product_.column || v == product_.row) continue;
      const bool is_sum =
          std::find(product_.over.begin(), product_.over.end(), v) != product_.over.end();
      (is_sum ? sums : order.axes).push_back(path_names_[i]);
    }
    const auto add = [&](const std::string& name) { order.axes.push_back(name); };
    if (streams_) {  // some whole lines of b at a time, along all of them
      for (const std::string& sum : sums) add(sum == sum_name_ ? sum + "o" : sum);
      for (const std::string& inner :
           {column_name_ + "c", sum_name_ + "0", column_name_ + "0", column_name_ + "v"})
        add(inner);
      return order;
    }
    add(column_name_ + "c");
    if (product_.row >= 0) add(row_name_ + "c");
    add(column_name_ + "r");
    if (product_.row >= 0) add(row_name_ + "r");
    for (const std::string& sum : sums) add(sum);
    if (product_.row >= 0) add(row_name_ + "0");
    add(column_name_ + "0");
    add(column_name_ + "v");
    return order;
  }

  const std::string& tensor_name(int tensor) const {
    return picker_.kernel().tensors[static_cast<std::size_t>(tensor)].name;
  }

  void stage_operands() {
    const std::int64_t row_tiles = product_.row < 0 ? 1 : picker_.extent(product_.row) / rows_;
    const std::int64_t column_tiles = picker_.extent(product_.column) / (width_ * vectors_);
    const bool b_is_contiguous =
        picker_.stride(product_.b.tensor, product_.b.at, product_.column) == 1;
    const bool b_is_large = picker_.bytes(product_.b.tensor) > small_result;
    if (row_tiles >= packing_pays && terms_ >= shortest_sum && (b_is_large || !b_is_contiguous)) {
      if (picker_.attempt({Stage{tensor_name(product_.b.tensor),
                                 full(product_.column, "c"),
                                 Where::heap,
                                 1,
                                 Layout::expand,
                                 {}}}))
        pack(tensor_name(product_.b.tensor) + "." + column_part("c"), column_part("v"),
             b_is_contiguous);
    }
    if (product_.row >= 0 && column_tiles >= packing_pays && terms_ >= shortest_sum) {
      const bool is_contiguous =
          picker_.stride(product_.a.tensor, product_.a.at, product_.row) == 1;
      if (picker_.attempt({Stage{tensor_name(product_.a.tensor),
                                 full(product_.row, "c"),
                                 Where::heap,
                                 1,
                                 Layout::expand,
                                 {}}}))
        pack(tensor_name(product_.a.tensor) + "." + row_part("c"), row_part("0"), is_contiguous);
    }
  }

  // Blocks of rows, and the packing of b, are shared out among the threads.
  void threads() {
    std::int64_t work = terms_;
    for (Var v : product_.path)
      if (std::find(product_.over.begin(), product_.over.end(), v) == product_.over.end())
        work *= picker_.extent(v);
    if (work < worth_threads || product_.row < 0) return;
    for (const std::string& name : path_names_) {
      const auto axis = picker_.kernel().find_axis(name);  // one that was left whole
      if (axis && picker_.extent(*axis) >= picker_.threads() &&
          picker_.attempt({Bind{name, Tag::parallel}}))
        return;
    }
    const auto blocks = picker_.kernel().find_axis(full(product_.row, "c"));
    if (picker_.extent(*blocks) < picker_.threads()) return;
    picker_.attempt({Bind{full(product_.row, "c"), Tag::parallel}});
    picker_.attempt(
        {Bind{tensor_name(product_.b.tensor) + "." + column_part("c") + "." + column_part("r"),
              Tag::parallel}});
  }

  // The loops of a packing copy: vectors along its innermost axis, or a transpose where the operand
  // is contiguous along the sum.
  void pack(const std::string& tile, const std::string& inner, bool is_contiguous) {
    const std::string unit = tile + "." + inner;
    if (!is_contiguous && !product_.over.empty()) {
      const std::string sum = tile + "." + picker_.stem(product_.over.back());
      const auto axis = picker_.kernel().find_axis(sum);
      if (axis && picker_.extent(*axis) >= 16) {
        const std::string stem = picker_.stem(*axis);
        picker_.attempt(
            std::vector<Move>{{Split{sum, {{stem + "o", 0}, {stem + "v", 16}}, Tail::mask}},
                              {Bind{sum + "v", Tag::vector}}});
      }
    }
    picker_.attempt({Bind{unit, Tag::vector}});
  }

  // A target in memory is held in registers while its tile is computed.
  void stage_target() {
    const KernelTensor& target =
        picker_.kernel().tensors[static_cast<std::size_t>(product_.store.tensor)];
    if (target.where != Where::argument && !streams_) return;
    const char* loop = streams_ ? "c" : "r";
    const std::string at = full(product_.row >= 0 ? product_.row : product_.column, loop);
    // The move makes a new kernel: nothing of the old one may be used after it.
    const std::string tile =
        target.name + "." + (product_.row >= 0 ? row_part(loop) : column_part(loop)) + ".";
    if (!picker_.attempt({Stage{target.name, at, Where::reg, 1, Layout::expand, {}}})) return;
    if (product_.row >= 0) picker_.attempt({Bind{tile + row_part("0"), Tag::unroll}});
    picker_.attempt({Bind{tile + column_part("0"), Tag::unroll}});
    picker_.attempt({Bind{tile + column_part("v"), Tag::vector}});
  }

  Picker& picker_;
  Product product_;
  std::int64_t width_, vectors_, rows_, block_, panel_, terms_ = 1;
  bool streams_ = false;
  std::string column_name_, column_stem_, row_name_, row_stem_, sum_name_;
  std::vector<std::string> path_names_;
};

}  // namespace

void pick_products(Picker& picker) {
  if (auto product = find_product(picker)) ProductPick(picker, *product).run();
}

}  // namespace tenon
