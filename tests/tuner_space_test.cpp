// The schedules that the tuner searches. Random points of the product sketch become moves that
// apply and keep the bits. A skeleton lists the loops and the tiles that its moves make. The model
// and the leaders put clear cases in the right order. No test looks at a time.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "codegen/cpu_device.h"
#include "compiled.h"
#include "lower/fusion.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "ops/convolution.h"
#include "ops/matmul.h"
#include "ops/views.h"
#include "tuner/search/candidates.h"
#include "tuner/space/model.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

// With three usual caches, so that no test depends on the processor.
Machine machine_of(int threads) {
  return {.kind = "cpu",
          .model = "made by hand",
          .isas = {"avx2"},
          .caches = {{32 << 10, 64, 8, 1}, {512 << 10, 64, 8, 1}, {32 << 20, 64, 16, 8}},
          .threads = threads,
          .memory = 0};
}

// The product sketch of a graph that is one kernel, and what the sketch refers to.
struct Space {
  Space(const Tensor& wanted, Inputs& in, Isa with = Isa::avx2, int threads = 1)
      : isa(with), machine(machine_of(threads)) {
    const auto kernels = fusion(apply_rules(std::vector{wanted.node()}, in.executor.nodes()));
    REQUIRE(kernels.size() == 1);
    facts = facts_of(naive(kernels[0]));
    auto found = product_sketch(facts, target(isa), machine);
    REQUIRE(found);
    sketch = std::move(*found);
  }
  Space(const Space&) = delete;  // the sketch keeps a reference to the facts

  std::vector<Candidate> leaders(std::size_t count, std::uint64_t seed) const {
    const Backend backend{nullptr, target(isa), machine, {}, {}, ""};
    return tenon::leaders({sketch}, facts, backend, count, seed);
  }

  Isa isa;
  Machine machine;
  Facts facts;
  Sketch sketch;
};

Tensor product(Inputs& in, std::int64_t m, std::int64_t k, std::int64_t n) {
  return matmul(in.floats({m, k}), in.floats({k, n}));
}

// Graphs of odd sizes, each for every Isa of this processor, with one thread and with two. The last
// product adds up two canonical blocks.
std::deque<Space> odd_spaces(Inputs& in) {
  Convolution padded;
  padded.padding = 1;
  const std::vector<Tensor> graphs{
      product(in, 37, 70, 53),
      tenon::matmul(in.floats({37, 70}), transpose(in.floats({53, 70}))),
      conv2d(in.floats({2, 5, 9, 11}), in.floats({7, 5, 3, 3}), padded),
      tenon::matmul(in.floats({3, 13, 22}), in.floats({3, 22, 19})),
      product(in, 13, 1100, 21),
  };
  std::deque<Space> spaces;
  for (const Isa isa : isas())
    for (const int threads : {1, 2})
      for (const Tensor& graph : graphs) spaces.emplace_back(graph, in, isa, threads);
  return spaces;
}

// Draws until the values of the knobs do not contradict each other.
Point draw(const Sketch& sketch, std::mt19937& random) {
  for (;;) {
    const Point point = mapped(
        sketch.knobs, [&](const Knob& knob) { return knob.values[random() % knob.values.size()]; });
    if (sketch.skeleton(point)) return point;
  }
}

struct Sample {
  const Space& space;
  std::string point;
  Skeleton skeleton;
  Moved moved;
};

// A point drawn from each space in turn, and what its moves make.
std::vector<Sample> samples(const std::deque<Space>& spaces, std::size_t count) {
  std::mt19937 random(1);
  std::vector<Sample> result;
  for (std::size_t n = 0; n < count; ++n) {
    const Space& space = spaces[n % spaces.size()];
    const Point point = draw(space.sketch, random);
    const Skeleton skeleton = *space.sketch.skeleton(point);
    Moved moved = apply_all(space.facts.naive, moves_of(skeleton, space.facts), {}, Check::once);
    result.push_back({space, text(space.sketch, point), skeleton, std::move(moved)});
  }
  return result;
}

// The bytes of the output, which is the last argument.
std::string run(const Kernel& kernel, Isa isa, int threads) {
  const auto device = cpu_device(threads);
  std::mt19937 random(7);
  std::vector<BufferRef> buffers;  // from the device, because kernels rely on their alignment
  std::vector<void*> arguments;
  for (const KernelTensor& tensor : kernel.tensors) {
    if (tensor.where != Where::argument) continue;
    std::vector<float> values(tensor.elements(), NAN);
    if (!tensor.is_output)
      for (float& value : values) value = static_cast<float>(random() % 2000) / 1000 - 1;
    buffers.push_back(device->allocate(values.size() * sizeof(float)));
    device->write(*buffers.back(), values.data());
    arguments.push_back(buffers.back()->data);
  }
  const Artifact artifact = compiled(finish(kernel, target(isa)), isa);
  device->launch(*device->load(artifact), arguments, {});
  std::string bytes(buffers.back()->bytes, 0);
  device->read(*buffers.back(), bytes.data());
  return bytes;
}

// The loops around the sum of products, outermost first, a line a loop.
std::string loops_of(const Kernel& nest) {
  std::string lines;
  visit_stores(nest.body, [&](const Store& store, const Path& path) {
    if (!store.factor) return;
    for (const Var v : path)
      lines += fmt::format("{} {} {}\n", stem(nest.axes[v].name), nest.extent(v),
                           name(nest.axes[v].tag));
  });
  return lines;
}

std::string loops_of(const Skeleton& skeleton) {
  std::string lines;
  for (const SkeletonLoop& loop : skeleton.loops)
    lines += fmt::format("{} {} {}\n", stem(loop.name), loop.trips, name(loop.tag));
  return lines;
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
std::optional<std::int64_t> elements(const Sample& sample, const SkeletonStage& stage) {
  std::int64_t product = 1;
  for (const Subscript& subscript : sample.skeleton.statement->accesses[stage.access].subscripts)
    for (const auto& [axis, coefficient] : subscript.terms) {
      std::int64_t iterations = 1;
      for (const SkeletonLoop& loop : sample.skeleton.loops)
        if (loop.axis == axis) iterations *= loop.trips;
      if (iterations != sample.space.facts.extent(axis)) return {};
      product *= sample.skeleton.span(axis, stage.at + 1, sample.space.facts);
    }
  return product;
}

}  // namespace

TEST_CASE("the points of the sketch apply, and give the bits of the naive nest") {
  Inputs in;
  const std::deque<Space> spaces = odd_spaces(in);
  const std::vector<Sample> drawn = samples(spaces, 200);
  std::map<std::string, std::string> wanted;  // by naive nest
  for (std::size_t n = 0; n < drawn.size(); ++n) {
    const auto& [space, point, skeleton, moved] = drawn[n];
    CAPTURE(point);
    CAPTURE(name(space.isa));
    if (const auto* refusal = std::get_if<Refusal>(&moved)) {
      FAIL_CHECK(refusal->reason);
      continue;
    }
    const Kernel& nest = std::get<Kernel>(moved);
    CHECK(verify(nest).value_or("") == "");
    if (n / spaces.size() % 4 > 0) continue;  // each space is compiled for a quarter of its points
    std::string& bits = wanted[print(space.facts.naive)];
    if (bits.empty()) bits = run(space.facts.naive, isas().front(), 1);
    CHECK_MESSAGE(run(nest, space.isa, space.machine.threads) == bits, "other bits");
  }
}

TEST_CASE("a skeleton lists the loops and the tiles that its moves make") {
  Inputs in;
  const std::deque<Space> spaces = odd_spaces(in);
  for (const Sample& sample : samples(spaces, 200)) {
    CAPTURE(sample.point);
    const auto* nest = std::get_if<Kernel>(&sample.moved);
    REQUIRE(nest);
    CHECK(loops_of(*nest) == loops_of(sample.skeleton));
    for (const SkeletonStage& stage : sample.skeleton.stages) {
      const KernelTensor& tile = tile_of(sample, stage, *nest);
      CHECK(tile.where == stage.where);
      REQUIRE(tile.scope.value_or(-1) >= 0);
      CHECK(stem(nest->axes[*tile.scope].name) == stem(sample.skeleton.loops[stage.at].name));
    }
  }
}

TEST_CASE("a tile has as many elements as the spans of its axes say") {
  Inputs in;
  std::deque<Space> spaces;
  spaces.emplace_back(product(in, 64, 128, 64), in);
  int compared = 0;
  for (const Sample& sample : samples(spaces, 200)) {
    CAPTURE(sample.point);
    REQUIRE(std::holds_alternative<Kernel>(sample.moved));
    const Kernel nest = finish(std::get<Kernel>(sample.moved), target(Isa::avx2)).kernel;
    for (const SkeletonStage& stage : sample.skeleton.stages) {
      const auto wanted = elements(sample, stage);
      if (!wanted) continue;
      CHECK(tile_of(sample, stage, nest).elements() == *wanted);
      ++compared;
    }
  }
  CHECK(compared > 100);
}

TEST_CASE("the text of a point is read back") {
  Inputs in;
  const std::deque<Space> spaces = odd_spaces(in);
  std::mt19937 random(1);
  for (const Space& space : spaces) {
    const Point point = draw(space.sketch, random);
    CHECK(parse_point(space.sketch, text(space.sketch, point)) == point);
  }
  const Sketch& sketch = spaces[0].sketch;
  const std::string good = text(sketch, draw(sketch, random));
  CHECK_FALSE(parse_point(sketch, "other" + good.substr(good.find(' '))));
  CHECK_FALSE(parse_point(sketch, good.substr(0, good.rfind(' '))));
  CHECK_FALSE(parse_point(sketch, good + " rest"));
}

TEST_CASE("leaders are ranked, differ in two knobs, and follow from the seed") {
  Inputs in;
  const Space space(product(in, 512, 512, 512), in);
  const std::vector<Candidate> leaders = space.leaders(20, 1), again = space.leaders(20, 1);
  CHECK(leaders.size() >= 10);
  CHECK(std::ranges::equal(leaders, again, {}, &Candidate::point, &Candidate::point));
  CHECK(std::ranges::is_sorted(leaders, {}, &Candidate::predicted_ns));
  std::vector<Point> points;
  for (const Candidate& leader : leaders) {
    CAPTURE(leader.point);
    CHECK(leader.predicted_ns > 0);
    const auto point = parse_point(space.sketch, leader.point);
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
  const Space alone(wanted, in), pair(wanted, in, Isa::avx2, 2);
  const auto predicted = [&](int rows, int vectors) {
    const Kernel& nest = alone.facts.naive;
    const auto point = parse_point(
        alone.sketch, fmt::format("product column={} row={} rows={} vectors={} panel=16 group=8 "
                                  "block=0 order=0 a=1 b=1 threads=0",
                                  *nest.find_axis("j"), *nest.find_axis("i"), rows, vectors));
    const auto skeleton = alone.sketch.skeleton(point.value());
    REQUIRE(skeleton);
    return cost(*skeleton, alone.facts, target(alone.isa), alone.machine).ns;
  };
  CHECK(predicted(6, 2) < predicted(1, 1));
  CHECK(predicted(6, 2) < predicted(16, 4));  // 64 sums in 16 registers
  CHECK(pair.leaders(1, 1).at(0).predicted_ns <= .75 * alone.leaders(1, 1).at(0).predicted_ns);
}

TEST_CASE("untuned, a large product follows the rule of thumb, and a convolution the model") {
  Inputs in;
  const Space large(product(in, 1024, 1024, 1024), in);
  const Candidate first = untuned(large.facts.naive, target(large.isa), large.machine);
  CHECK(parse_point(large.sketch, first.point) == large.sketch.seeds.front());
  CHECK(first.predicted_ns > 0);

  // 196 pixels in rows of 14: a row does not fill its vectors, the output channels do.
  Convolution padded;
  padded.padding = 1;
  const Space small(conv2d(in.floats({1, 256, 14, 14}), in.floats({256, 256, 3, 3}), padded), in);
  const Candidate second = untuned(small.facts.naive, target(small.isa), small.machine);
  const auto point = parse_point(small.sketch, second.point);
  REQUIRE(point);
  CHECK(point != small.sketch.seeds.front());
  const auto column = static_cast<Var>(point->front());
  CHECK(small.facts.extent(column) == 256);
}

TEST_CASE("a product with strands, and one without terms, are left to the pick") {
  const auto fits = [](const Tensor& wanted, Inputs& in) {
    const auto kernels = fusion(apply_rules(std::vector{wanted.node()}, in.executor.nodes()));
    REQUIRE(kernels.size() == 1);
    const Facts facts = facts_of(naive(kernels[0]));
    return !sketches(facts, target(Isa::avx2), machine_of(1)).empty();
  };
  Inputs in;
  CHECK(fits(product(in, 64, 64, 64), in));
  CHECK_FALSE(fits(product(in, 100000, 64, 10), in));
  CHECK_FALSE(fits(matmul(in.floats({8, 0}), in.floats({0, 32})), in));
}

TEST_CASE("a product of a tensor with itself stages neither operand") {
  Inputs in;
  const Tensor a = in.floats({1024, 1024});
  const Space space(matmul(a, transpose(a)), in);
  const Candidate first = untuned(space.facts.naive, target(space.isa), space.machine);
  CHECK(first.point.find(" a=0 b=0 ") != std::string::npos);
}
