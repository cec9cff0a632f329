// The sketch of a sum of products, such as a matrix product or a convolution. One operand ("b") has
// the column, the axis that the vectors run along. The other one ("a") has the row. A tile of
// `rows` x `vectors` results stays in registers while the sums run. The loops around it are those
// of BLIS (Van Zee, van de Geijn, 2015), for a product over i, j and k. Other axes of b stand
// before them, other axes of a before ic, and the axes of a window before k:
//
//   jc [ko] ic jr ir k i0 j0 jv        order=0: a panel of b outside the groups of rows
//   ic [ko] jc ir jr k i0 j0 jv        order=1: a group of rows outside the panels of b, and
//                                      outside the other axes that only b has
//
// If the canonical order has strands, s, the vectors run along them, and the column's tile counts
// single columns:
//
//   jc ic jr ir so k i0 j0 sv
//
//   column, row   axes of the result
//   rows, vectors the tile in registers
//   panel, group  how many tiles along j and along i are one iteration of jc and of ic
//   block         terms of the innermost sum in one iteration of ko; 0: there is no ko. A result
//                 that is a local of the kernel has none: ko would move it from registers to memory
//   a, b          how the operand's tile is staged: 0 not at all, 1 packed, 2 as a box
//   threads       0 none, 1 groups of rows, 2 panels of b, 3 the outermost other axis of the result
#include <array>
#include <bit>

#include "tuner/space/sketch.h"

namespace tenon {
namespace {

// Of the rule of thumb:
constexpr std::int64_t chains = 24;              // of FMAs; two units of 4 cycles need a third
constexpr std::int64_t rows_together = 64;       // of a, in a tile that is staged
constexpr std::int64_t panel_bytes = 8 << 20;    // of b, packed: a part of the last-level cache
constexpr std::int64_t packing_pays = 4;         // times that an element is used again
constexpr std::int64_t worth_threads = 1 << 17;  // multiplications
constexpr std::int64_t small_bytes = 1 << 18;    // of a, which every thread reads
constexpr std::int64_t strips_of_thread = 8;     // fewer would be dealt too unevenly
constexpr std::int64_t shortest_sum = 32;     // terms; packing whole rows pays for no shorter sum
constexpr std::int64_t stays_near = 1 << 16;  // bytes of b that need no packing
enum Place : std::size_t { column, row, rows, vectors, panel, group, block, order, a, b, threads };

class ProductSketch {
 public:
  ProductSketch(const Facts& facts, const StatementFacts& statement, const Target& target,
                const Machine& machine)
      : facts_(facts),
        statement_(statement),
        registers_(target.vector_registers),
        most_beside_(target.most_beside()),
        threads_(machine.threads),
        lanes_(target.vector_bytes / statement.target().element_bytes) {
    const auto& at = statement.target().subscripts;
    const auto& last = at.empty() ? Subscript{} : at.back();
    for (const auto& [axis, coefficient] : last.terms)
      if (std::ranges::all_of(statement.accesses,
                              [&](const AccessFacts& access) { return access.uses(axis); }))
        strand_ = axis;
  }

  std::optional<Sketch> sketch() const {
    std::vector<Var> axes;  // of the result, and of one operand alone
    for (const Var axis : statement_.path)
      if (statement_.target().uses(axis) && operand_of(axis) > 0 && facts_.extent(axis) > 1)
        axes.push_back(axis);
    const std::vector<std::int64_t> all_axes(axes.begin(), axes.end());
    const auto rule = rule_of_thumb(axes);
    if (!rule) return {};
    const std::int64_t last_sum = facts_.extent(statement_.store.over.back());
    std::vector<std::int64_t> blocks{0};
    for (std::int64_t size = 64; size < last_sum && !statement_.target().is_local; size *= 2)
      blocks.push_back(size);
    const bool shares = threads_ > 1;
    Sketch sketch{.name = "product",
                  .knobs = {{"column", all_axes},
                            {"row", all_axes},
                            {"rows", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
                            {"vectors", {1, 2, 3, 4}},
                            {"panel", {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}},
                            {"group", {1, 2, 4, 8, 16, 32, 64, 128, 256}},
                            {"block", blocks},
                            {"order", {0, 1}},
                            {"a", {0, 1, 2}},
                            {"b", {0, 1, 2}},
                            {"threads", shares ? std::vector<std::int64_t>{0, 1, 2, 3}
                                               : std::vector<std::int64_t>{0}}},
                  .seeds = {*rule},
                  .trusted_share = .95,
                  .least_gain_ns = 0,
                  .skeleton = [copy = *this](const Point& point) { return copy.skeleton(point); }};
    for (const Var j : axes)
      for (const Var i : axes)
        if (operand_of(i) != operand_of(j))
          for (const std::int64_t packed : {0, 1})
            sketch.seeds.push_back({j, i, 6, 2, 16, 8, 0, 0, packed, packed, shares ? 1 : 0});
    return sketch;
  }

 private:
  // Which of the two operands the axis indexes: 1 or 2; 0 if both or none.
  int operand_of(Var axis) const {
    const bool left = statement_.accesses[1].uses(axis), right = statement_.accesses[2].uses(axis);
    return left == right ? 0 : left ? 1 : 2;
  }
  bool has_strands() const { return strand_ >= 0; }
  // Do the vectors along the strands need a copy of the operand?
  bool is_scattered(const AccessFacts& operand) const {
    return has_strands() && operand.step(strand_) != 1;
  }
  // Does the axis share a subscript of the operand with a summed axis, like i + r in a convolution?
  bool is_window(int operand, Var axis) const {
    return std::ranges::any_of(
        statement_.accesses[operand].subscripts, [&](const Subscript& subscript) {
          const auto has = [&](auto&& of) { return std::ranges::any_of(subscript.terms, of); };
          return has([&](const auto& term) { return term.first == axis; }) &&
                 has([&](const auto& term) { return statement_.sums_over(term.first); });
        });
  }

  // How good the axis is as the column, higher is better: long axes first, then those that are
  // contiguous in b and in the result, unless a window moves by several elements.
  std::int64_t worth(Var axis) const {
    if (has_strands()) return facts_.extent(axis);  // no vectors run along the column
    std::int64_t score = std::min(facts_.extent(axis), lanes_) * 4;
    const int operand = operand_of(axis);
    if (statement_.accesses[operand].step(axis) == 1) score += lanes_;
    const bool jumps = is_window(operand, axis) && statement_.accesses[operand].step(axis) != 1;
    if (statement_.target().step(axis) == 1 && !jumps) score += 2 * lanes_;
    return score;
  }

  // A point that is good for large products of matrices on most machines: a tile that fills the
  // registers, a panel of b that stays in the last cache, and operands packed where that pays.
  std::optional<Point> rule_of_thumb(std::vector<Var> axes) const {
    if (axes.empty()) return {};
    const Var j = *std::ranges::max_element(axes, {}, [&](Var axis) { return worth(axis); });
    std::erase_if(axes, [&](Var axis) { return operand_of(axis) == operand_of(j); });
    if (axes.empty()) return {};
    const Var i = *std::ranges::max_element(axes, {}, [&](Var v) { return facts_.extent(v); });
    const AccessFacts& of_a = statement_.accesses[operand_of(i)];
    const AccessFacts& of_b = statement_.accesses[operand_of(j)];
    const std::int64_t height = facts_.extent(i), length = facts_.extent(j), width = width_of(j);
    const std::int64_t most_side =
        has_strands() ? std::clamp<std::int64_t>(chains / height, 2, 4) : most_beside_;
    // Each term loads s vectors of b and t elements of a for s * t FMAs. The tile with the fewest
    // loads for each FMA is taken.
    std::int64_t side = 0, tile = 0;
    for (std::int64_t s = std::clamp<std::int64_t>(length / width, 1, most_side); s > 0; --s) {
      const std::int64_t sums = std::min<std::int64_t>(registers_ - s - 1, chains);
      const std::int64_t t = tiles(height, tiles(height, sums / s));
      if (side == 0 || (s + t) * side * tile < (side + tile) * s * t) side = s, tile = t;
    }
    const std::int64_t strips = tiles(length, width * side), groups = tiles(height, tile);
    std::int64_t terms = 1, results = 1;
    for (const Var axis : statement_.path)
      (statement_.sums_over(axis) || axis == strand_ ? terms : results) *= facts_.extent(axis);
    const Var k = statement_.store.over.back();
    const bool has_rows = of_b.step(j) == 1;
    const bool is_packed = has_rows && of_b.step(k) == width * side;  // in tiles already
    const bool is_near = has_rows && facts_.bytes_of(of_b) <= stays_near;
    const bool is_long = terms >= shortest_sum;
    const bool packs_b = has_strands() ? is_scattered(of_b)
                                       : !of_b.shared && (is_long || !has_rows) && !is_near &&
                                             !is_packed && height / tile >= packing_pays;
    const bool packs_a = is_scattered(of_a) || (!of_a.shared && is_long && of_a.step(k) != 1 &&
                                                length / (width * side) >= packing_pays);
    const bool has_outer = std::ranges::any_of(statement_.path, [&](Var axis) {
      return axis != j && statement_.target().uses(axis) && operand_of(axis) != operand_of(i) &&
             facts_.extent(axis) >= threads_;
    });
    const bool is_large = threads_ > 1 && terms * results >= worth_threads;
    // A small a may be read for each of more panels, and smaller packed panels stay nearer.
    const bool is_small = facts_.bytes_of(of_a) <= panel_bytes / 4;
    const bool is_tiny = facts_.bytes_of(of_a) <= small_bytes;
    const int parts = !packs_b ? 1 : is_tiny ? 32 : is_small ? 8 : 1;
    // Each thread packs the strips that it reads, if that leaves it enough of them. It needs no
    // copy of a small a.
    const bool reads_a = !packs_a || (!is_scattered(of_a) && is_tiny);
    const bool has_strips = !has_strands() && strips >= strips_of_thread * threads_;
    const bool deals = is_large && packs_b && reads_a && is_small && !has_outer && has_strips;
    const std::int64_t in_panel =
        deals
            ? 1
            : std::clamp<std::int64_t>(panel_bytes / (parts * terms * 4 * width * side), 1, strips);
    // All threads get the same number of groups.
    const std::int64_t at_once = std::max<std::int64_t>(rows_together / tile, 1) * threads_;
    const std::int64_t in_group = tiles(groups, tiles(groups, at_once) * threads_);
    const auto stages = [&](const AccessFacts& operand, bool packs_it) {
      return operand.guarded() && !operand.shared ? 2 : packs_it ? 1 : 0;
    };
    const std::int64_t of_a_staged = stages(of_a, packs_a && !deals),
                       of_b_staged = stages(of_b, packs_b);
    // A large a is read once, and b, if it needs no packing, for each group.
    const bool groups_first = has_outer && !of_b_staged && has_rows && !is_packed && !is_small;
    const std::int64_t shared = !is_large ? 0 : has_outer && !groups_first ? 3 : deals ? 2 : 1;
    return Point{j,           i,           tile,  side, in_panel, in_group, 0, groups_first,
                 of_a_staged, of_b_staged, shared};
  }

  // The elements of a vector along the axis.
  std::int64_t elements_of(Var axis) const {
    return std::min<std::int64_t>(lanes_,
                                  std::bit_ceil(static_cast<std::uint64_t>(facts_.extent(axis))));
  }
  // How far the tile reaches along the column with each of its vectors.
  std::int64_t width_of(Var axis) const { return has_strands() ? 1 : elements_of(axis); }

  std::optional<Skeleton> skeleton(const Point& point) const {
    const auto j = static_cast<Var>(point[column]), i = static_cast<Var>(point[row]);
    const int of_b = operand_of(j), of_a = operand_of(i);
    if (of_a == of_b || point[rows] > facts_.extent(i)) return {};
    if ((point[a] == 2 && !statement_.accesses[of_a].guarded()) ||
        (point[b] == 2 && !statement_.accesses[of_b].guarded()))
      return {};
    const std::int64_t width = width_of(j);
    const std::int64_t strip = width * point[vectors];
    const std::int64_t strips = tiles(facts_.extent(j), strip);
    const std::int64_t groups = tiles(facts_.extent(i), point[rows]);
    // A value beyond the extent would be the same schedule once more.
    if ((point[vectors] > 1 && strip - width >= facts_.extent(j)) ||
        (point[panel] > 1 && point[panel] / 2 >= strips) ||
        (point[group] > 1 && point[group] / 2 >= groups))
      return {};

    Skeleton skeleton{&facts_, &statement_, {}, {}, lanes_};
    const auto& loops = skeleton.loops;
    const auto whole = [&](Var axis) { skeleton.whole(axis); };
    const Var k = statement_.store.over.back();
    const bool has_block = point[block] > 0;
    std::vector<Var> outer, of_panels, middle, inner, sums;
    for (const Var axis : statement_.path) {
      if (axis == i || axis == j || axis == strand_) continue;
      const bool is_of_a = operand_of(axis) == of_a;
      auto& place = statement_.sums_over(axis)                         ? sums
                    : is_of_a && is_window(of_a, axis)                 ? inner
                    : has_strands() && !statement_.target().uses(axis) ? inner
                    : is_of_a                                          ? middle
                    : point[order] == 1 && operand_of(axis) == of_b    ? of_panels
                                                                       : outer;
      place.push_back(axis);
    }
    std::ranges::for_each(outer, whole);
    // The tiles along an axis. As many as are `together` are one iteration of its outer loop.
    struct Side {
      Var axis;
      std::int64_t tile, count, together;
      std::size_t stage_at = 0;  // loops around the stage of the operand
    };
    Side of_j{j, strip, strips, std::min(point[panel], strips)};
    Side of_i{i, point[rows], groups, std::min(point[group], groups)};
    const auto sides = point[order] == 0 ? std::array{&of_j, &of_i} : std::array{&of_i, &of_j};
    for (Side* side : sides) {
      std::ranges::for_each(side == &of_i ? middle : of_panels, whole);
      skeleton.add(side->axis, "c", side->tile * side->together,
                   tiles(side->count, side->together));
      if (side == sides.front() && has_block)
        skeleton.add(k, "o", point[block], tiles(facts_.extent(k), point[block]));
      side->stage_at = loops.size();
    }
    for (const Side* side : sides) skeleton.add(side->axis, "r", side->tile, side->together);
    std::ranges::for_each(inner, whole);
    const std::int64_t vector = elements_of(has_strands() ? strand_ : j);
    if (has_strands()) skeleton.add(strand_, "o", vector, tiles(facts_.extent(strand_), vector));
    const std::size_t target_at = loops.size();
    for (const Var axis : sums)
      if (axis == k && has_block)
        skeleton.add(k, "i", 1, point[block]);
      else
        whole(axis);
    skeleton.add(i, "0", 1, point[rows], Tag::unroll);
    skeleton.add(j, "0", width, point[vectors], Tag::unroll);
    skeleton.add(has_strands() ? strand_ : j, "v", 1, vector, Tag::vector);

    const auto layout = [](std::int64_t how) { return how == 2 ? Layout::box : Layout::expand; };
    if (point[b]) skeleton.stage(of_b, of_j.stage_at, Where::heap, layout(point[b]));
    if (point[a]) skeleton.stage(of_a, of_i.stage_at, Where::heap, layout(point[a]));
    if (!statement_.target().is_local || has_strands()) skeleton.stage(0, target_at, Where::reg);
    if (point[threads] == 0) return skeleton;
    const auto other =
        std::ranges::find_if(outer, [&](Var axis) { return statement_.target().uses(axis); });
    if (point[threads] == 3 && other == outer.end()) return {};
    const Var shared = point[threads] == 1 ? i : point[threads] == 2 ? j : *other;
    const auto& loop = *std::ranges::find(loops, shared, &SkeletonLoop::axis);
    if (loop.trips < threads_) return {};
    skeleton.share(threads_, [&](Var axis) { return axis == shared; });
    return skeleton;
  }

  const Facts& facts_;
  const StatementFacts& statement_;
  int registers_, most_beside_;
  int threads_;
  std::int64_t lanes_;
  Var strand_ = -1;  // the axis of the strands, if there is one
};

// target += a * b, or the same without fma(), as integers have it.
bool is_product(const Store& store) {
  const auto is_load = [](const ValueRef& value) {
    return std::holds_alternative<Load>(value->detail);
  };
  if (store.factor) return is_load(store.value) && is_load(store.factor);
  const auto* term = std::get_if<Apply>(&store.value->detail);
  return store.combine == Combine::sum && term && term->op == ScalarOp::mul &&
         std::ranges::all_of(term->operands, is_load);
}

}  // namespace

std::optional<Sketch> product_sketch(const StatementFacts& statement, const Facts& facts,
                                     const Target& target, const Machine& machine) {
  const bool is_regular = std::ranges::all_of(statement.accesses, [](const AccessFacts& access) {
    return std::ranges::all_of(access.subscripts, &Subscript::is_affine);
  });
  const bool is_new =
      std::ranges::all_of(statement.path, [&](Var axis) { return facts.tag(axis) == Tag::serial; });
  if (statement.store.over.empty() || statement.accesses.size() != 3 || !is_regular || !is_new ||
      !is_product(statement.store))
    return {};
  return ProductSketch(facts, statement, target, machine).sketch();
}

}  // namespace tenon
