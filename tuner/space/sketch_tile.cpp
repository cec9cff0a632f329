// The sketch of every statement that is no product: element-wise work, transposes, reductions,
// windows such as those of a pooling. A tile of `rows` x `vectors` results or terms is computed
// side by side. For a reduction over k whose results lie along j, and for a transpose over i and j:
//
//   jo k jv          a strip of columns, all rows of it
//   ko jo k0 jv      order=1: some rows of all columns; the results are in registers meanwhile.
//                    With threads, jt stands around these loops: each has columns of its own
//   jo io i0 jv      a tile of the transpose, i inside; order=1: j inside
//
//   column, vectors  the axis that the vectors run along, -1: none; and how many of them
//   row, rows        the other axis of the tile, -1: none. It is one of the result, or the last sum
//   order            1: the second of the nests above
//   unroll           1: the loops of the other sums are unrolled, as those of a 3 x 3 window
//   turn             1: operands that are contiguous along the row come through a transpose
//   box              1: operands with padded edges are copied once for the outer loops
//   stream           1: the results are written past the caches
//   ahead            1: rows that an earlier statement has read are prefetched
//   threads          1: the first loop over the result with an iteration for each is parallel
#include <tuple>

#include "tuner/space/sketch.h"

namespace tenon {
namespace {

constexpr std::int64_t most_unrolled = 32;         // iterations of the sums
constexpr std::int64_t outgrows_caches = 8 << 20;  // bytes of a tensor
constexpr std::int64_t worth_a_thread = 1 << 15;   // operations
constexpr std::int64_t long_row = 2048;            // bytes; its ends are few of its lines
constexpr std::int64_t line_bytes = 64;
// Of the rule of thumb:
constexpr std::int64_t close_lanes = 4;          // elements; lanes that are loaded together
constexpr std::int64_t shortest_vector = 4;      // elements of an axis
constexpr std::int64_t most_instructions = 768;  // of a tile: LLVM takes long over more
constexpr std::int64_t lines_at_once = 8;        // rows of a reduction down columns
constexpr std::int64_t lines_of_window = 4;      // of results, which share rows of the operand
enum At : int { column, vectors, row, rows, order, unroll, turn, box, stream, ahead, threads };

class TileSketch {
 public:
  TileSketch(const StatementFacts& statement, const Facts& facts, const Target& target,
             const Machine& machine)
      : facts_(facts),
        statement_(statement),
        lanes_(target.vector_bytes / 4),
        threads_(machine.threads),
        near_bytes_(machine.caches[std::min<std::size_t>(1, machine.caches.size() - 1)].bytes) {
    for (const Var axis : statement.path) {
      if (facts.tag(axis) == Tag::vector) given_ = axis;
      if (facts.tag(axis) == Tag::parallel) is_shared_ = true;
    }
    const std::int64_t most = std::clamp<std::int64_t>(
        most_instructions / std::max<std::int64_t>(statement.operations, 1), 1, 8);
    most_vectors_ = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(most)));
  }

  Sketch sketch() const {
    std::vector<std::int64_t> columns{-1}, lines{-1}, counts{1};
    for (const Var axis : statement_.path) {
      if (facts_.extent(axis) < 2) continue;
      if (can_be_column(axis)) columns.push_back(axis);
      if (is_result(axis) || is_last_sum(axis)) lines.push_back(axis);
    }
    if (given_ >= 0) columns = {given_};
    for (const std::int64_t axis : columns)
      for (std::int64_t most = 2; axis >= 0 && most <= most_vectors_; most *= 2)
        append_once(counts, vectors_of(static_cast<Var>(axis), most));
    const std::vector<std::int64_t> just_0{0}, both{0, 1};
    const auto where = [&](bool is_useful) { return is_useful ? both : just_0; };
    return {
        .name = "tile",
        .knobs = {{"column", columns},
                  {"vectors", counts},
                  {"row", lines},
                  {"rows", {1, 2, 4, 8, 16}},
                  {"order", both},
                  {"unroll", where(has_sums())},
                  {"turn", both},
                  {"box", where(std::ranges::any_of(statement_.accesses, &AccessFacts::guarded))},
                  {"stream", where(statement_.is_final)},
                  {"ahead", where(std::ranges::any_of(statement_.accesses, &AccessFacts::again))},
                  {"threads", where(threads_ > 1 && !is_shared_)}},
        .seeds = {rule_of_thumb()},
        .skeleton = [copy = *this](const Point& point) { return copy.skeleton(point); }};
  }

 private:
  bool has_sums() const { return !statement_.store.over.empty(); }
  bool is_result(Var axis) const {
    return statement_.target().uses(axis) && !statement_.sums_over(axis);
  }
  bool can_be_column(Var axis) const {
    return is_result(axis) && !contains(facts_.around_vectors, axis);
  }
  bool is_last_sum(Var axis) const { return has_sums() && statement_.store.over.back() == axis; }

  // ---- the rule of thumb ----

  // A score of the axis for vectors: plus 2 for each argument that is contiguous along it, plus 1
  // for a local, minus 3 for each argument that jumps, or minus 1 if it does not jump far or a
  // transpose helps.
  int contiguity(Var axis) const {
    int score = 0;
    for (const AccessFacts& access : statement_.accesses) {
      const std::int64_t step = access.step(axis);
      if (step == 1) score += access.is_local ? 1 : 2;
      const bool is_cheap = std::abs(step) <= close_lanes || turning_axis(access, axis) >= 0;
      if (step != 0 && step != 1 && !access.is_local) score -= is_cheap ? 1 : 3;
    }
    return score;
  }

  // The axis with the highest contiguity; among equals, the longest.
  Var best_column() const {
    if (given_ >= 0) return given_;
    Var best = -1;
    for (const Var axis : statement_.path) {
      const bool is_good = contiguity(axis) > 0 || (has_sums() && turned(axis) >= 0);
      if (!can_be_column(axis) || facts_.extent(axis) < shortest_vector || !is_good) continue;
      const auto rank = [&](Var v) {
        return std::tuple(contiguity(v), statement_.target().step(v) == 1, facts_.extent(v));
      };
      if (best < 0 || rank(axis) > rank(best)) best = axis;
    }
    return best;
  }

  // An axis along which the access is contiguous while it jumps along the column; -1: none.
  Var turning_axis(const AccessFacts& access, Var along) const {
    for (const Var axis : statement_.path)
      if (can_turn(access, along, axis) && facts_.extent(axis) >= lanes_ &&
          (is_last_sum(axis) || (is_result(axis) && !has_sums())))
        return axis;
    return -1;
  }
  bool can_turn(const AccessFacts& access, Var along, Var across) const {
    return !access.is_local && !access.guarded() && !access.shared && across != along &&
           access.step(across) == 1 && access.step(along) != 1 && access.step(along) != 0;
  }
  Var turned(Var along) const {
    for (const AccessFacts& access : statement_.accesses)
      if (along >= 0)
        if (const Var axis = turning_axis(access, along); axis >= 0) return axis;
    return -1;
  }

  // The last axis of the result that moves through the same subscript as a sum, like i + r.
  Var window_axis(Var other_than) const {
    Var found = -1;
    for (const AccessFacts& access : statement_.accesses)
      for (const Subscript& subscript : access.subscripts)
        for (const auto& [axis, coefficient] : subscript.terms)
          if (is_result(axis) && axis != other_than && subscript.terms.size() > 1 &&
              (found < 0 || *position(statement_.path, axis) > *position(statement_.path, found)))
            found = axis;
    return found;
  }

  // Is it the axis of the strands of a canonical order? No result has that axis.
  bool is_strand(Var axis) const {
    return has_sums() && statement_.target().is_local && statement_.target().step(axis) == 1 &&
           std::ranges::none_of(facts_.statements, [&](const StatementFacts& other) {
             return !other.target().is_local && other.target().uses(axis);
           });
  }

  Point rule_of_thumb() const {
    Point point{best_column(), 1, -1, 1, 0, 0, 0, 0, 0, 0, 0};
    const auto c = static_cast<Var>(point[column]);
    const auto set_row = [&](Var axis, std::int64_t count, std::int64_t inside) {
      point[row] = axis, point[rows] = count, point[order] = inside;
    };
    const bool is_short = facts_.iterations(statement_.store.over) <= most_unrolled;
    const bool is_column = has_sums() && c >= 0 && !is_strand(c);
    const Var line = is_column ? window_axis(c) : -1;
    const bool has_lines = line >= 0 && facts_.extent(line) >= lines_of_window;
    if (const Var across = turned(c); across >= 0) {
      set_row(across, lanes_, has_sums() ? 0 : 1);
      point[vectors] = vectors_of(c, 2);
      point[turn] = 1;
    } else if (is_column && (is_short || has_lines)) {
      // With the sums unrolled, the whole tile needs few tests of a padded edge.
      point[unroll] = is_short ? 1 : 0;
      if (has_lines)
        set_row(line, lines_of_window, 0);
      else
        point[vectors] = vectors_of(c, 4);
    } else if (const Var last = short_last_axis(c); last >= 0) {
      point[vectors] = vectors_of(c, 2);
      set_row(last, facts_.extent(last), 1);
    } else if (c >= 0) {
      point[vectors] = vectors_of(c, is_strand(c) ? 8 : 4);
      if (has_sums() && c != given_ && !is_strand(c) && !is_summed_again(c) &&
          facts_.extent(c) > lanes_ * point[vectors] &&
          facts_.extent(statement_.store.over.back()) > lines_at_once)
        set_row(statement_.store.over.back(), lines_at_once, 1);
    }
    const bool streams = statement_.is_final && c >= 0 && statement_.target().step(c) == 1 &&
                         facts_.bytes_of(statement_.target()) >= outgrows_caches;
    for (const auto& [knob, is_useful] : {std::pair(threads, threads_ > 1 && !is_shared_),
                                          std::pair(stream, streams), std::pair(ahead, true)}) {
      point[knob] = is_useful ? 1 : 0;
      if (!skeleton(point)) point[knob] = 0;
    }
    return point;
  }

  // The last axis of the result, if it is too short for vectors and the column is the axis before
  // it; else -1.
  Var short_last_axis(Var c) const {
    for (const Var axis : statement_.path)
      if (c >= 0 && is_result(axis) && axis != c && !has_sums() &&
          statement_.target().step(axis) == 1 && facts_.extent(axis) > 1 &&
          facts_.extent(axis) <= close_lanes && facts_.extent(axis) == statement_.target().step(c))
        return axis;
    return -1;
  }

  // Do other statements in a loop over the axis have sums? Those would lie between the rows, unless
  // they only add up the sums of this statement.
  bool is_summed_again(Var axis) const {
    return std::ranges::any_of(facts_.statements, [&](const StatementFacts& other) {
      return &other != &statement_ && contains(other.path, axis) && !other.store.over.empty() &&
             !contains(other.path, statement_.store.over.back()) &&
             !contains(statement_.path, other.store.over.back());
    });
  }

  // The number of vectors in a tile: at most `most`, and such that all tiles of the axis are nearly
  // of one size.
  std::int64_t vectors_of(Var axis, std::int64_t most) const {
    if (axis == given_) return 1;
    const std::int64_t all = tiles(facts_.extent(axis), lanes_);
    return tiles(all, tiles(all, std::min(most, most_vectors_)));
  }

  // Has a load a condition on the axis? Results that are written past the caches begin at a line,
  // so their loop cannot be cut where the condition begins to hold.
  bool is_tested(Var axis) const {
    return std::ranges::any_of(statement_.accesses, [&](const AccessFacts& access) {
      return contains(access.tested, axis);
    });
  }

  // ---- from a point to loops ----

  std::optional<Skeleton> skeleton(const Point& point) const {
    const auto c = static_cast<Var>(point[column]), r = static_cast<Var>(point[row]);
    if (c == r && c >= 0) return {};
    if ((r < 0) != (point[rows] == 1) || (r < 0 && (point[order] || point[turn]))) return {};
    if (r >= 0 && point[rows] > facts_.extent(r)) return {};
    if (c < 0 && (point[vectors] > 1 || point[turn])) return {};
    const std::int64_t extent = c < 0 ? 1 : facts_.extent(c), width = lanes_ * point[vectors];
    const std::int64_t row_bytes = extent * statement_.target().element_bytes;
    if (point[stream] && row_bytes % line_bytes != 0 && (row_bytes < long_row || is_tested(c)))
      return {};
    const bool is_across = c >= 0 && statement_.target().step(c) != 1;
    if (point[stream] && is_across && point[rows] * statement_.target().element_bytes < line_bytes)
      return {};
    // Is the loop over vectors the whole axis?
    const bool is_whole = c == given_ || extent <= lanes_ || extent == width;
    if (point[vectors] > 1 && (c == given_ || extent <= width - lanes_)) return {};

    Skeleton skeleton{&facts_, &statement_, {}, {}, lanes_};
    const auto& loops = skeleton.loops;
    const bool sums_rows = r >= 0 && statement_.sums_over(r);
    // Threads that sum rows each take columns of their own.
    const std::int64_t strips = tiles(extent, width);
    const bool deals =
        point[threads] && sums_rows && point[order] && !is_whole && strips > threads_;
    const std::int64_t together = deals ? tiles(strips, threads_) : strips;
    const auto columns = [&] {
      if (c >= 0 && !is_whole) skeleton.add(c, "o", width, together);
    };
    const auto lines = [&] {
      if (r >= 0) skeleton.add(r, "o", point[rows], tiles(facts_.extent(r), point[rows]));
    };
    const auto whole = [&](Var axis) { skeleton.whole(axis); };
    std::vector<Var> sums, blocks;  // blocks: axes along which partial sums are computed anew
    for (const Var axis : statement_.path) {
      if (axis == c || axis == r) continue;
      if (statement_.sums_over(axis))
        sums.push_back(axis);
      else if (statement_.target().uses(axis))
        whole(axis);
      else
        blocks.push_back(axis);
    }
    const std::size_t outer = loops.size();
    if (point[unroll] && (sums.empty() || facts_.iterations(sums) > most_unrolled)) return {};
    const auto all_sums = [&] {
      for (const Var axis : sums)
        skeleton.add(axis, "", 1, facts_.extent(axis), point[unroll] ? Tag::unroll : Tag::serial);
    };
    std::size_t target_at = 0;
    if (sums_rows && point[order]) {
      if (point[stream]) return {};  // the results are written again for each of the tiles
      if (deals) skeleton.add(c, "t", width * together, tiles(strips, together));
      std::ranges::for_each(blocks, whole);
      all_sums();
      lines();
      columns();
      target_at = loops.size();
    } else {
      if (!sums_rows && !point[order]) lines();
      columns();
      if (!sums_rows && point[order]) lines();
      std::ranges::for_each(blocks, whole);
      target_at = loops.size();
      all_sums();
      if (sums_rows) lines();
    }
    const std::size_t tile = loops.size();
    if (r >= 0) skeleton.add(r, "0", 1, point[rows], Tag::unroll);
    if (c >= 0) skeleton.add(c, is_whole ? "" : "v", 1, is_whole ? extent : width, Tag::vector);
    if (!stage(skeleton, point, outer, tile)) return {};
    if (has_sums() && target_at > 0 &&
        (!statement_.target().is_local || (sums_rows && point[order])))
      skeleton.stage(0, target_at, Where::reg);
    skeleton.streams = point[stream] != 0;
    if (point[threads] && !bind_threads(skeleton)) return {};
    return skeleton;
  }

  // Adds the stages of the operands. `outer` and `tile` are how many loops stand around the box and
  // around the tile.
  bool stage(Skeleton& skeleton, const Point& point, std::size_t outer, std::size_t tile) const {
    bool turns = false, boxes = false, is_ahead = false;
    for (int access = has_sums() ? 1 : 0; access < std::ssize(statement_.accesses); ++access) {
      const AccessFacts& read = statement_.accesses[access];
      if (point[turn] && tile > 0 &&
          can_turn(read, static_cast<Var>(point[column]), static_cast<Var>(point[row]))) {
        skeleton.stage(access, tile, Where::reg);
        turns = true;
      } else if (point[box] && outer > 0 && read.guarded() && !read.shared &&
                 !read.subscripts.empty()) {
        skeleton.stage(access, outer, Where::heap, Layout::box);
        boxes = true;
      } else if (const int depth = rows_ahead(skeleton, read);
                 depth > 0 && point[ahead] && !is_ahead) {
        skeleton.stage(access, tile, Where::reg, Layout::expand, depth);
        is_ahead = true;
      }
    }
    return turns == (point[turn] == 1) && boxes == (point[box] == 1) &&
           is_ahead == (point[ahead] == 1);
  }

  // How many tiles ahead a row is prefetched: those of two rows. 0 if no earlier statement has read
  // the argument, or if two rows do not fit into the second cache.
  int rows_ahead(const Skeleton& skeleton, const AccessFacts& read) const {
    const auto& loops = skeleton.loops;
    if (!read.again || loops.size() < 3 || loops.back().tag != Tag::vector ||
        facts_.bytes_of(read) < outgrows_caches || read.step(loops.back().axis) != 1)
      return 0;
    const SkeletonLoop &line = loops[loops.size() - 3], &strip = loops[loops.size() - 2];
    const std::int64_t far = read.step(line.axis) * line.step,
                       near = read.step(strip.axis) * strip.step;
    if (strip.axis != loops.back().axis || near < 1 || far < near || far >= irregular ||
        2 * far * read.element_bytes > near_bytes_)
      return 0;
    return static_cast<int>(tiles(far, near)) + 1;
  }

  // Threads share the first loop over the result with an iteration for each, if that pays.
  bool bind_threads(Skeleton& skeleton) const {
    const auto each = static_cast<double>(std::max<std::int64_t>(statement_.operations, 1));
    return each * facts_.iterations(statement_.path) >= worth_a_thread &&
           skeleton.share(threads_, [&](Var axis) { return is_result(axis); });
  }

  const Facts& facts_;
  const StatementFacts& statement_;
  std::int64_t lanes_;  // of 4-byte elements
  int threads_;
  std::int64_t near_bytes_;  // of the second cache
  std::int64_t most_vectors_ = 1;
  Var given_ = -1;          // the axis that an earlier statement has made vectors
  bool is_shared_ = false;  // a loop around is parallel
};

}  // namespace

std::optional<Sketch> tile_sketch(const StatementFacts& statement, const Facts& facts,
                                  const Target& target, const Machine& machine) {
  const auto is_unrolled = [&](Var axis) { return facts.tag(axis) == Tag::unroll; };
  // The tile of another statement has these loops already, or no move is legal, because the results
  // have computed places.
  if (statement.path.empty() || statement.store.computed ||
      std::ranges::any_of(statement.path, is_unrolled) ||
      facts.tag(statement.path.back()) == Tag::vector)
    return {};
  return TileSketch(statement, facts, target, machine).sketch();
}

}  // namespace tenon
