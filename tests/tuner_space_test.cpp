// The schedules that the tuner searches. The text of a point names its schedule. The model and the
// leaders put clear cases in the right order. tuner_points_test.cpp has what holds for all points.
// No test looks at a time.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "codegen/cpu_backend.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "ops/convolution.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/views.h"
#include "tuner/search/candidates.h"
#include "tuner/space/model.h"
#include "tuner_support.h"

using namespace tenon;
using namespace tuner_test;
using tenon_test::Inputs;

namespace {

// The product sketch of a graph that is one kernel, and what the sketch refers to.
struct Product {
  Product(const Tensor& wanted, Inputs& in, int threads = 1)
      : space{nest_of(wanted, in), target(Isa::avx2), machine_of(threads)},
        facts(facts_of(space.naive)) {
    auto found = sketch_of(facts.statements.front(), facts, space.target, space.machine);
    REQUIRE(found);
    sketch = std::move(*found);
  }
  Product(const Product&) = delete;  // the sketch keeps a reference to the facts

  // The point of the product's turn, which is the first one.
  std::optional<Point> point_of(const Candidate& candidate) const {
    return parse_point(sketch, candidate.point.substr(0, candidate.point.find("; ")));
  }

  Space space;
  Facts facts;
  Sketch sketch;
};

Tensor product(Inputs& in, std::int64_t m, std::int64_t k, std::int64_t n) {
  return matmul(in.floats({m, k}), in.floats({k, n}));
}

struct Sample {
  std::string point;
  Skeleton skeleton;
  Kernel moved;
};

std::vector<Sample> samples(const Product& product, std::size_t count) {
  std::mt19937 random(1);
  std::vector<Sample> result;
  for (std::size_t n = 0; n < count; ++n) {
    const Point point = draw(product.sketch, random);
    CAPTURE(text(product.sketch, point));
    const Skeleton skeleton = *product.sketch.skeleton(point);
    Moved moved = apply_all(product.facts.nest, moves_of(skeleton), {}, Check::once);
    REQUIRE(std::holds_alternative<Kernel>(moved));
    result.push_back({text(product.sketch, point), skeleton, std::get<Kernel>(std::move(moved))});
  }
  return result;
}

// The tile that the stage makes.
const KernelTensor& tile_of(const Sample& sample, const SkeletonStage& stage, const Kernel& nest) {
  const int staged = sample.skeleton.statement->accesses[stage.access].tensor;
  const auto tile = nest.find_tensor(nest.tensors[staged].name + "." +
                                     stem(sample.skeleton.loops[stage.at].name));
  REQUIRE(tile);
  return nest.tensors[*tile];
}

// The elements of the tile, as the skeleton states them. Nothing if the loops of an axis reach
// beyond its end.
std::optional<std::int64_t> elements(const Facts& facts, const Sample& sample,
                                     const SkeletonStage& stage) {
  std::int64_t product = 1;
  for (const Subscript& subscript : sample.skeleton.statement->accesses[stage.access].subscripts)
    for (const auto& [axis, coefficient] : subscript.terms) {
      std::int64_t iterations = 1;
      for (const SkeletonLoop& loop : sample.skeleton.loops)
        if (loop.axis == axis) iterations *= loop.trips;
      if (iterations != facts.extent(axis)) return {};
      product *= sample.skeleton.span(axis, stage.at + 1);
    }
  return product;
}

}  // namespace

TEST_CASE("a tile has as many elements as the spans of its axes say") {
  Inputs in;
  const Product square(product(in, 64, 128, 64), in);
  int compared = 0;
  for (const Sample& sample : samples(square, 200)) {
    CAPTURE(sample.point);
    const Kernel nest = finish(sample.moved, square.space.target).kernel;
    for (const SkeletonStage& stage : sample.skeleton.stages) {
      const auto wanted = elements(square.facts, sample, stage);
      if (!wanted) continue;
      CHECK(tile_of(sample, stage, nest).elements() == *wanted);
      ++compared;
    }
  }
  CHECK(compared > 100);
}

TEST_CASE("the text of a point is read back") {
  Inputs in;
  const Product small(product(in, 37, 70, 53), in);
  const Sketch& sketch = small.sketch;
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    const Point point = draw(sketch, random);
    CHECK(parse_point(sketch, text(sketch, point)) == point);
  }
  const std::string good = text(sketch, draw(sketch, random));
  CHECK_FALSE(parse_point(sketch, "other" + good.substr(good.find(' '))));
  CHECK_FALSE(parse_point(sketch, good.substr(0, good.rfind(' '))));
  CHECK_FALSE(parse_point(sketch, good + " rest"));
}

TEST_CASE("the point of several statements is read back turn by turn") {
  Inputs in;
  const Space space{nest_of(softmax(in.floats({60, 200})), in), target(Isa::avx2), machine_of(1)};
  const Candidate first = untuned(space);
  std::vector<Candidate> all = leaders(space, 10, 1);
  CHECK(all.size() == 10);
  append(all, neighbours(space, first.point));
  CHECK(all.size() > 15);
  all.push_back(first);
  for (const Candidate& candidate : all) {
    CAPTURE(candidate.point);
    const Candidate again = candidate_of(space, candidate.point);
    CHECK(again.point == candidate.point);
    CHECK(print(again.moves) == print(candidate.moves));
  }
  // Text of another version of Tenon: those turns take what they have untuned.
  CHECK(candidate_of(space, "").point == first.point);
  CHECK(candidate_of(space, "tile column=0; other").point == first.point);
}

TEST_CASE("leaders are ranked, differ in two knobs, and follow from the seed") {
  Inputs in;
  const Product large(product(in, 512, 512, 512), in);
  const std::vector<Candidate> leaders = tenon::leaders(large.space, 20, 1),
                               again = tenon::leaders(large.space, 20, 1);
  CHECK(leaders.size() >= 10);
  CHECK(std::ranges::equal(leaders, again, {}, &Candidate::point, &Candidate::point));
  CHECK(std::ranges::is_sorted(leaders, {}, &Candidate::predicted_ns));
  std::vector<Point> points;
  for (const Candidate& leader : leaders) {
    CAPTURE(leader.point);
    CHECK(leader.predicted_ns > 0);
    const auto point = large.point_of(leader);
    REQUIRE(point);
    for (const Point& other : points)
      CHECK(std::inner_product(other.begin(), other.end(), point->begin(), 0, std::plus<>(),
                               std::not_equal_to<>()) >= 2);
    points.push_back(*point);
  }
}

TEST_CASE("the model prefers the tile that fills the registers, and two threads") {
  Inputs in;
  const Tensor wanted = product(in, 512, 512, 512);
  const Product alone(wanted, in), pair(wanted, in, 2);
  const auto predicted = [&](int rows, int vectors) {
    const Kernel& nest = alone.facts.nest;
    const auto point = parse_point(
        alone.sketch, fmt::format("product column={} row={} rows={} vectors={} panel=16 group=8 "
                                  "block=0 order=0 a=1 b=1 threads=0",
                                  *nest.find_axis("j"), *nest.find_axis("i"), rows, vectors));
    const auto skeleton = alone.sketch.skeleton(point.value());
    REQUIRE(skeleton);
    return cost(*skeleton, alone.space.target, alone.space.machine).ns;
  };
  CHECK(predicted(6, 2) < predicted(1, 1));
  CHECK(predicted(6, 2) < predicted(16, 4));  // 64 sums in 16 registers
  const auto best_ns = [](const Space& space) { return leaders(space, 1, 1).at(0).predicted_ns; };
  CHECK(best_ns(pair.space) <= .75 * best_ns(alone.space));
}

TEST_CASE("untuned, a large product follows the rule of thumb, and a convolution the model") {
  Inputs in;
  const Product large(product(in, 1024, 1024, 1024), in);
  const Candidate first = untuned(large.space);
  CHECK(large.point_of(first) == large.sketch.seeds.front());
  CHECK(first.predicted_ns > 0);

  // 24 output channels are four tiles. That is too few to copy the image for.
  const Product small(conv2d(in.floats({1, 192, 28, 28}), in.floats({24, 192, 1, 1}), {}), in);
  const Candidate second = untuned(small.space);
  CHECK(text(small.sketch, small.sketch.seeds.front()).find(" b=1 ") != std::string::npos);
  CHECK(second.point.find(" b=0 ") != std::string::npos);
}

TEST_CASE("a product of a tensor with itself stages neither operand") {
  Inputs in;
  const Tensor a = in.floats({1024, 1024});
  const Product square(matmul(a, transpose(a)), in);
  const Candidate first = untuned(square.space);
  CHECK(first.point.find(" a=0 b=0 ") != std::string::npos);
}
