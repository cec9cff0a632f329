// The sketch of a sum of products, such as a matrix product or a convolution. One operand ("b") has
// the column, the axis that the vectors run along. The other one ("a") has the row. A tile of
// `rows` x `vectors` results stays in registers while the sums run. The loops around it are those
// of BLIS (Van Zee, van de Geijn, 2015), for a product over i, j and k. Other axes of b stand
// before them, other axes of a before ic, and the axes of a window before k:
//
//   jc [ko] ic jr ir k i0 j0 jv        order=0: a panel of b outside the groups of rows
//   ic [ko] jc ir jr k i0 j0 jv        order=1: a group of rows outside the panels of b
//
//   column, row   axes of the result
//   rows, vectors the tile in registers
//   panel, group  how many tiles along j and along i are one iteration of jc and of ic
//   block         terms of the innermost sum in one iteration of ko; 0: there is no ko. A result
//                 that is a local of the kernel has none: ko would move it from registers to memory
//   a, b          how the operand's tile is staged: 0 not at all, 1 packed, 2 as a box
//   threads       0 none, 1 groups of rows, 2 panels of b, 3 the outermost other axis of the result
#include <algorithm>
#include <bit>
#include <numeric>

#include "tuner/space/sketch.h"

namespace tenon {
namespace {

constexpr std::int64_t most_rows = 16;  // of a tile in registers
// Of the rule of thumb:
constexpr std::int64_t chains = 16;              // of FMAs; two units of 4 cycles need half of them
constexpr std::int64_t rows_together = 64;       // of a, in a tile that is staged
constexpr std::int64_t panel_bytes = 8 << 20;    // of b, packed: a part of the last-level cache
constexpr std::int64_t packing_pays = 4;         // times that an element is used again
constexpr std::int64_t worth_threads = 1 << 17;  // multiplications
constexpr std::int64_t shortest_sum = 32;        // terms; packing pays for no shorter sum
constexpr std::int64_t stays_near = 1 << 20;     // bytes of b that need no packing: they stay in L2
enum Place : std::size_t { column, row, rows, vectors, panel, group, block, order, a, b, threads };

std::int64_t tiles(std::int64_t extent, std::int64_t size) { return (extent + size - 1) / size; }

// 1, 2, 4, .. below `most`, and `most` itself.
std::vector<std::int64_t> doublings(std::int64_t most) {
  std::vector<std::int64_t> values;
  for (std::int64_t value = 1; value < most; value *= 2) values.push_back(value);
  values.push_back(most);
  return values;
}

class ProductSketch {
 public:
  ProductSketch(const Facts& facts, const StatementFacts& statement, const Target& target,
                const Machine& machine)
      : facts_(facts),
        statement_(statement),
        registers_(target.vector_registers),
        threads_(machine.threads) {
    lanes_ = target.vector_bytes / statement.target().element_bytes;
  }

  // The axes of the result that index one operand alone.
  std::vector<std::int64_t> tile_axes() const {
    std::vector<std::int64_t> axes;
    for (const Var axis : statement_.path)
      if (statement_.target().uses(axis) && operand_of(axis) > 0 && facts_.extent(axis) > 1)
        axes.push_back(axis);
    return axes;
  }

  std::optional<Sketch> sketch() const {
    const auto axes = tile_axes();
    const auto rule = rule_of_thumb(axes);
    if (!rule) return {};
    const std::int64_t last_sum = facts_.extent(statement_.store.over.back());
    std::vector<std::int64_t> blocks{0};
    for (std::int64_t size = 64; size < last_sum && !statement_.target().is_local; size *= 2)
      blocks.push_back(size);
    std::vector<std::int64_t> row_counts(most_rows);
    std::iota(row_counts.begin(), row_counts.end(), 1);
    const bool shares = threads_ > 1;
    const std::vector<std::int64_t> just_0{0};
    Sketch sketch{.name = "product",
                  .knobs = {{"column", axes},
                            {"row", axes},
                            {"rows", row_counts},
                            {"vectors", {1, 2, 3, 4}},
                            {"panel", doublings(1024)},
                            {"group", doublings(256)},
                            {"block", blocks},
                            {"order", {0, 1}},
                            {"a", {0, 1, 2}},
                            {"b", {0, 1}},
                            {"threads", shares ? std::vector<std::int64_t>{0, 1, 2, 3}
                                               : std::vector<std::int64_t>{0}}},
                  .seeds = {*rule},
                  .skeleton = [copy = *this](const Point& point) { return copy.skeleton(point); }};
    for (std::size_t knob = 0; knob < rule->size(); ++knob) {
      append_once(sketch.knobs[knob].values, (*rule)[knob]);
      std::ranges::sort(sketch.knobs[knob].values);
    }
    for (const std::int64_t j : axes)
      for (const std::int64_t i : axes)
        if (operand_of(static_cast<Var>(i)) != operand_of(static_cast<Var>(j)))
          for (const std::int64_t packed : sketch.knobs[b].values)
            sketch.seeds.push_back({j, i, 6, 2, 16, 8, 0, 0, packed, packed, shares ? 1 : 0});
    return sketch;
  }

 private:
  // Which of the two operands the axis indexes: 1 or 2; 0 if both or none.
  int operand_of(Var axis) const {
    const bool left = statement_.accesses[1].uses(axis), right = statement_.accesses[2].uses(axis);
    return left == right ? 0 : left ? 1 : 2;
  }
  // Then a stage would be one for both reads.
  bool is_one_tensor() const {
    return statement_.accesses[1].tensor == statement_.accesses[2].tensor;
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
  // contiguous in b and in the result.
  std::int64_t worth(Var axis) const {
    std::int64_t score = std::min(facts_.extent(axis), lanes_) * 4;
    if (statement_.accesses[operand_of(axis)].step(axis) == 1) score += lanes_;
    if (statement_.target().step(axis) == 1) score += 2 * lanes_;
    return score;
  }

  // A point that is good for large products of matrices on most machines: a tile that fills the
  // registers, a panel of b that stays in the last cache, and operands packed where that pays.
  std::optional<Point> rule_of_thumb(const std::vector<std::int64_t>& axes) const {
    Var j = -1, i = -1;
    for (const std::int64_t value : axes) {
      const auto axis = static_cast<Var>(value);
      if (j < 0 || worth(axis) > worth(j)) j = axis;
    }
    for (const std::int64_t value : axes) {
      const auto axis = static_cast<Var>(value);
      const bool is_longer = i < 0 || facts_.extent(axis) > facts_.extent(i);
      if (operand_of(axis) != operand_of(j) && is_longer) i = axis;
    }
    if (i < 0) return {};
    const AccessFacts& of_a = statement_.accesses[operand_of(i)];
    const AccessFacts& of_b = statement_.accesses[operand_of(j)];
    const std::int64_t height = facts_.extent(i), length = facts_.extent(j), width = width_of(j);
    const std::int64_t side = std::clamp<std::int64_t>(length / width, 1, 2);
    const std::int64_t sums = std::min<std::int64_t>(registers_ - side - 1, chains);
    const std::int64_t tile = tiles(height, tiles(height, sums / side));
    const std::int64_t strips = tiles(length, width * side), groups = tiles(height, tile);
    std::int64_t terms = 1, results = 1;
    for (const Var axis : statement_.path)
      (statement_.sums_over(axis) ? terms : results) *= facts_.extent(axis);
    const std::int64_t b_bytes = facts_.naive.tensors[of_b.tensor].elements() * of_b.element_bytes;
    const bool is_near = of_b.step(j) == 1 && b_bytes <= stays_near;
    const bool packs = terms >= shortest_sum && !is_one_tensor();
    const bool packs_b = packs && height / tile >= packing_pays && !is_near;
    const bool packs_a = packs && length / (width * side) >= packing_pays &&
                         of_a.step(statement_.store.over.back()) != 1;
    const bool has_outer = std::ranges::any_of(statement_.path, [&](Var axis) {
      return axis != j && statement_.target().uses(axis) && operand_of(axis) != operand_of(i) &&
             facts_.extent(axis) >= threads_;
    });
    const bool is_large = threads_ > 1 && terms * results >= worth_threads;
    const std::int64_t in_panel =
        std::clamp<std::int64_t>(panel_bytes / (terms * 4 * width * side), 1, strips);
    const std::int64_t in_group =
        std::clamp<std::int64_t>(rows_together / tile, 1, tiles(groups, threads_));
    const std::int64_t stages_a = of_a.guarded && !is_one_tensor() ? 2 : packs_a ? 1 : 0;
    const std::int64_t shared = !is_large ? 0 : has_outer ? 3 : 1;
    return Point{j, i, tile, side, in_panel, in_group, 0, 0, stages_a, packs_b ? 1 : 0, shared};
  }

  std::int64_t width_of(Var axis) const {
    return std::min<std::int64_t>(lanes_,
                                  std::bit_ceil(static_cast<std::uint64_t>(facts_.extent(axis))));
  }

  std::optional<Skeleton> skeleton(const Point& point) const {
    const auto j = static_cast<Var>(point[column]), i = static_cast<Var>(point[row]);
    const int of_b = operand_of(j), of_a = operand_of(i);
    if (of_a == of_b || point[rows] > facts_.extent(i)) return {};
    if (point[a] == 2 && !statement_.accesses[of_a].guarded) return {};
    const std::int64_t width = width_of(j);
    const std::int64_t strip = width * point[vectors];
    const std::int64_t strips = tiles(facts_.extent(j), strip);
    const std::int64_t groups = tiles(facts_.extent(i), point[rows]);
    // A value beyond the extent would be the same schedule once more.
    if ((point[vectors] > 1 && strip - width >= facts_.extent(j)) ||
        (point[panel] > 1 && point[panel] / 2 >= strips) ||
        (point[group] > 1 && point[group] / 2 >= groups))
      return {};
    const std::int64_t in_panel = std::min(point[panel], strips);
    const std::int64_t in_group = std::min(point[group], groups);

    Skeleton skeleton{&statement_, {}, {}, lanes_};
    auto& loops = skeleton.loops;
    const auto add = [&](Var axis, const char* letter, std::int64_t step, std::int64_t trips,
                         Tag tag = Tag::serial) {
      loops.push_back({facts_.name(axis) + letter, axis, step, trips, tag});
    };
    const auto whole = [&](Var axis) { add(axis, "", 1, facts_.extent(axis)); };
    const auto panels = [&] { add(j, "c", strip * in_panel, tiles(strips, in_panel)); };
    const auto row_groups = [&] { add(i, "c", point[rows] * in_group, tiles(groups, in_group)); };
    const Var k = statement_.store.over.back();
    const bool has_block = point[block] > 0;
    const auto blocks = [&] {
      if (has_block) add(k, "o", point[block], tiles(facts_.extent(k), point[block]));
    };
    std::vector<Var> outer, middle, inner, sums;
    for (const Var axis : statement_.path) {
      if (axis == i || axis == j) continue;
      const bool is_of_a = operand_of(axis) == of_a;
      auto& place = statement_.sums_over(axis)         ? sums
                    : is_of_a && is_window(of_a, axis) ? inner
                    : is_of_a                          ? middle
                                                       : outer;
      place.push_back(axis);
    }
    std::ranges::for_each(outer, whole);
    std::size_t b_at, a_at;
    if (point[order] == 0) {
      panels();
      blocks();
      b_at = loops.size() - 1;
      std::ranges::for_each(middle, whole);
      row_groups();
      a_at = loops.size() - 1;
      add(j, "r", strip, in_panel);
      add(i, "r", point[rows], in_group);
    } else {
      std::ranges::for_each(middle, whole);
      row_groups();
      blocks();
      a_at = loops.size() - 1;
      panels();
      b_at = loops.size() - 1;
      add(i, "r", point[rows], in_group);
      add(j, "r", strip, in_panel);
    }
    std::ranges::for_each(inner, whole);
    const std::size_t target_at = loops.size() - 1;
    for (const Var axis : sums)
      if (axis == k && has_block)
        add(k, "i", 1, point[block]);
      else
        whole(axis);
    add(i, "0", 1, point[rows], Tag::unroll);
    add(j, "0", width, point[vectors], Tag::unroll);
    add(j, "v", 1, width, Tag::vector);

    const auto stage = [&](int access, std::size_t at, Where where, Layout layout) {
      skeleton.stages.push_back({access, static_cast<int>(at), where, layout});
    };
    if (point[b]) stage(of_b, b_at, Where::heap, Layout::expand);
    if (point[a]) stage(of_a, a_at, Where::heap, point[a] == 2 ? Layout::box : Layout::expand);
    if (!statement_.target().is_local) stage(0, target_at, Where::reg, Layout::expand);
    if (!bind_threads(skeleton, point[threads], i, j, outer)) return {};
    return skeleton;
  }

  // Makes the loop that the knob names parallel, if every thread gets an iteration.
  bool bind_threads(Skeleton& skeleton, std::int64_t knob, Var i, Var j,
                    const std::vector<Var>& outer) const {
    if (knob == 0) return true;
    const auto other =
        std::ranges::find_if(outer, [&](Var axis) { return statement_.target().uses(axis); });
    if (knob == 3 && other == outer.end()) return false;
    const Var axis = knob == 1 ? i : knob == 2 ? j : *other;
    auto& loop = *std::ranges::find(skeleton.loops, axis, &SkeletonLoop::axis);
    if (loop.trips < threads_) return false;
    loop.tag = Tag::parallel;
    return true;
  }

  const Facts& facts_;
  const StatementFacts& statement_;
  int registers_;
  int threads_;
  std::int64_t lanes_;
};

}  // namespace

std::optional<Sketch> product_sketch(const Facts& facts, const Target& target,
                                     const Machine& machine) {
  // The strands of a canonical order are the last axis of the result, and both operands have them.
  // The pick has rules for strands.
  const auto has_strands = [](const StatementFacts& statement) {
    const auto& at = statement.target().subscripts;
    return !at.empty() && std::ranges::any_of(at.back().terms, [&](const auto& term) {
      return std::ranges::all_of(
          statement.accesses, [&](const AccessFacts& access) { return access.uses(term.first); });
    });
  };
  for (const StatementFacts& statement : facts.statements) {
    const Store& store = statement.store;
    if (!store.factor || store.over.empty() || statement.accesses.size() != 3 ||
        !std::holds_alternative<Load>(store.value->detail) ||
        !std::holds_alternative<Load>(store.factor->detail) ||
        std::ranges::any_of(statement.path, [&](Var axis) { return facts.extent(axis) == 0; }) ||
        has_strands(statement))
      continue;
    if (auto sketch = ProductSketch(facts, statement, target, machine).sketch()) return sketch;
  }
  return {};
}

}  // namespace tenon
