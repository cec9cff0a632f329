// A search whose Meter is scripted: a test says which schedules are rejected, how long each takes,
// and how comparisons end. Nothing is compiled and nothing is timed. The sketch is made by hand and
// has two knobs, so that a test can name the best point.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codegen/cpu_backend.h"
#include "core/ranges.h"
#include "ops/matmul.h"
#include "tuner/search/search.h"
#include "tuner_support.h"

namespace tuner_test {

using namespace tenon;
using tenon_test::Inputs;

constexpr double untuned_ns = 100;

// A product whose tile has `rows` x `columns` results: the two knobs of the sketch. Its schedules
// take the times that the test gives them.
class Scripted {
 public:
  Scripted() {
    const Tensor product = matmul(in_.floats({64, 64}), in_.floats({64, 64}));
    space = {.naive = nest_of(product, in_),
             .target = target(Isa::avx2),
             .machine = machine_of(1),
             .sketch_of = [this](const StatementFacts& statement, const Facts& facts, const Target&,
                                 const Machine&) { return sketch_of(statement, facts); }};
    const Facts facts = facts_of(space.naive);
    for (const std::int64_t rows : sizes)
      for (const std::int64_t columns : sizes) {
        const Point point{rows, columns};
        points_[print(moves_of(skeleton(facts.statements.front(), facts, point)))] =
            text(sketch, point);
      }
    REQUIRE(points_.size() == sizes.size() * sizes.size());
    options.seconds = 1e9;
  }
  Scripted(const Scripted&) = delete;

  Found search() {
    numbered_.clear();
    compared.clear();
    Meter meter;
    meter.prepare = [this](int number, const std::string& moves) -> std::optional<std::string> {
      CHECK_FALSE(numbered_.contains(number));
      return reject(numbered_[number] = point_of(moves));
    };
    meter.time = [this](int number) { return time(numbered_.at(number)); };
    meter.compare = [this](int first, int second) {
      CHECK(first == 0);
      compared.push_back(numbered_.at(second));
      return compare(numbered_.at(second));
    };
    return tenon::search(std::vector<Candidate>(1), known, space, meter, options);
  }

  // The points that the model ranks first, among `measurements`. The rest are left to the walk.
  std::vector<std::string> leaders() const {
    const auto walk = static_cast<std::size_t>(.375 * options.measurements);
    const auto count = static_cast<std::size_t>(options.measurements) - walk;
    return points_in(tenon::leaders(space, count, options.seed));
  }

  std::vector<std::string> neighbours(const std::string& point) const {
    return points_in(tenon::neighbours(space, point));
  }

  const std::vector<std::int64_t> sizes{1, 2, 4, 8, 16};
  Sketch sketch{.name = "tile",
                .knobs = {{"rows", sizes}, {"columns", sizes}},
                .seeds = {{1, 1}, {8, 8}},
                .skeleton = {}};
  Space space;
  SearchOptions options;
  std::vector<Tried> known;
  // Of a point; the untuned schedule has an empty one.
  std::function<std::optional<std::string>(const std::string&)> reject = [](const std::string&) {
    return std::optional<std::string>();
  };
  std::function<std::optional<double>(const std::string&)> time;
  std::function<std::optional<Comparison>(const std::string&)> compare =
      [this](const std::string& point) {
        return Comparison{time(point).value() / untuned_ns, .001};
      };
  std::vector<std::string> compared;

 private:
  static std::vector<std::string> points_in(const std::vector<Candidate>& candidates) {
    return mapped(candidates, std::mem_fn(&Candidate::point));
  }

  std::string point_of(const std::string& moves) const {
    return moves.empty() ? "" : points_.at(moves);
  }

  std::optional<Sketch> sketch_of(const StatementFacts& product, const Facts& facts) const {
    Sketch filled = sketch;
    filled.skeleton = [&](const Point& point) { return skeleton(product, facts, point); };
    return filled;
  }

  static Skeleton skeleton(const StatementFacts& product, const Facts& facts, const Point& point) {
    const Var i = product.path.at(0), j = product.path.at(1), k = product.path.at(2);
    const std::int64_t rows = point.at(0), columns = point.at(1);
    return {.facts = &facts,
            .statement = &product,
            .loops = {{stem(facts.name(i)) + "c", i, rows, 64 / rows},
                      {stem(facts.name(j)) + "c", j, columns, 64 / columns},
                      {facts.name(k), k, 1, 64},
                      {stem(facts.name(i)) + "0", i, 1, rows},
                      {stem(facts.name(j)) + "0", j, 1, columns}},
            .stages = {},
            .lanes = 1};
  }

  Inputs in_;
  std::map<std::string, std::string> points_;  // by the text of their moves
  std::map<int, std::string> numbered_;        // the points by the numbers of their schedules
};

// The times of the points in the table. Every other point takes `other` ns.
inline auto times(std::map<std::string, double> table, double other) {
  return [table = std::move(table), other](const std::string& point) -> std::optional<double> {
    if (point.empty()) return untuned_ns;
    const auto entry = table.find(point);
    return entry == table.end() ? other : entry->second;
  };
}

inline std::vector<std::string> points_of(const Found& found) {
  return mapped(found.tried, [](const Tried& tried) { return tried.candidate.point; });
}

inline const std::string& winner_of(const Found& found) {
  return found.tried.at(found.winner).candidate.point;
}

}  // namespace tuner_test
