// Random points of the sketches, for kernels of every kind. The moves of a point apply, and the
// kernel keeps its bits. A skeleton lists the loops and the tiles that its moves make. No test
// looks at a time.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <span>

#include "checked_kernel.h"
#include "lower/blocked_inputs.h"
#include "lower/moves.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/indexing.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/reductions.h"
#include "ops/views.h"
#include "tuner/search/candidates.h"
#include "tuner_support.h"

using namespace tenon;
using namespace tuner_test;
using tenon_test::Inputs;

namespace {

constexpr Isa every_isa[] = {Isa::avx512, Isa::avx2, Isa::fma128};
constexpr int most_draws = 10;       // of a turn, until a point applies
constexpr double most_refused = .1;  // a share of the points of the tile sketch

struct Graph {
  const char* name;
  std::vector<Tensor> outputs;
};

std::vector<Graph> products(Inputs& in) {
  Convolution padded;
  padded.padding = 1;
  return {
      {"product", {tenon::matmul(in.floats({37, 70}), in.floats({70, 53}))}},
      {"a product with a transposed operand",
       {tenon::matmul(in.floats({37, 70}), transpose(in.floats({53, 70})))}},
      {"convolution", {conv2d(in.floats({2, 5, 9, 11}), in.floats({7, 5, 3, 3}), padded)}},
      {"products side by side", {tenon::matmul(in.floats({3, 13, 22}), in.floats({3, 22, 19}))}},
      {"a product of two canonical blocks",
       {tenon::matmul(in.floats({13, 1100}), in.floats({1100, 21}))}},
      {"a product of few rows, with strands",
       {tenon::matmul(in.floats({3, 200}), transpose(in.floats({21, 200})))}},
      {"a product with few columns", {tenon::matmul(in.floats({100, 64}), in.floats({64, 10}))}},
      {"a product of integers",
       {tenon::matmul(in.integers({19, 30}, 9), in.integers({30, 37}, 9))}},
      {"a product with a bias",
       {tenon::relu(tenon::matmul(in.floats({37, 70}), in.floats({70, 53})) + in.floats({53}))}},
  };
}

// Most are large enough for two threads.
std::vector<Graph> others(Inputs& in) {
  Convolution depthwise;
  depthwise.padding = 1;
  depthwise.groups = 6;
  const Pooling pooling{.stride = 2, .padding = 1};
  const Tensor image = in.floats({2, 6, 53, 57}), rows = in.floats({700, 50});
  const Tensor labels = in.integers({300}, 30), square_matrix = in.floats({190, 190});
  return {
      {"element-wise", {in.floats({190, 181}) * in.floats({190, 181})}},
      {"element-wise, of integers", {in.integers({190, 181}, 9) + in.integers({190, 181}, 9)}},
      {"a broadcast bias", {tenon::relu(in.floats({190, 181}) + in.floats({181}))}},
      {"a broadcast column", {in.floats({37, 53}) * in.floats({37, 1})}},
      {"transpose", {transpose(in.floats({190, 181})) + in.floats({181, 190})}},
      {"permute", {permute(in.floats({29, 38, 35}), {2, 0, 1}) * in.floats({35, 29, 38})}},
      {"pad", {pad(in.floats({190, 177}), {{1, 2}, {3, 0}})}},
      {"padded scalar", {pad(expand(in.floats({}), {190, 177}), {{1, 2}, {3, 0}})}},
      {"a tensor and its transpose", {transpose(square_matrix) + square_matrix}},
      {"max pool", {max_pool2d(image, 3, pooling)}},
      {"average pool", {avg_pool2d(image, 3, pooling)}},
      {"depthwise convolution", {conv2d(image, in.floats({6, 1, 3, 3}), depthwise)}},
      {"sum over rows of 63", {sum(in.floats({600, 63}), 1)}},
      {"sum over rows of 200", {sum(in.floats({170, 200}), 1)}},
      {"sum down columns", {sum(in.floats({900, 41}), 0)}},
      {"sum over the middle axis", {sum(in.floats({41, 33, 27}), 1)}},
      {"sums of a batch norm", {sum(image, {0, 2, 3}), sum(square(image), {0, 2, 3})}},
      {"variance of a batch norm", {var(in.floats({2, 6, 13, 17}), {0, 2, 3})}},
      {"maximum of integers", {max(in.integers({29, 63}, 99), 1)}},
      {"gather", {gather(in.floats({30, 140}), labels, 0) + in.floats({300, 140})}},
      {"sum of a narrow table", {sum(in.floats({500, 3}), 0)}},
      {"softmax over rows of 50", {softmax(rows)}},
      {"softmax over rows of 200", {softmax(in.floats({9, 200}))}},
      {"layernorm", {layernorm(rows) * in.floats({50}) + in.floats({50})}},
      {"softmax over axis 0", {softmax(rows, 0)}},
      {"largest of each row", {argmax(in.floats({23, 50}))}},
  };
}

std::vector<Graph> graphs_of(Inputs& in) {
  std::vector<Graph> all = products(in);
  append(all, others(in));
  return all;
}

// A kernel of a graph, and what it is to run on.
struct Subject {
  Subject(std::string of_graph, const Kernel& naive, Isa with, int threads)
      : graph(std::move(of_graph)), isa(with), space{naive, target(isa), machine_of(threads)} {
    space.sketch_of = [this](const StatementFacts& statement, const Facts& of, const Target& to,
                             const Machine& machine) {
      facts = &of;
      return sketch_of(statement, of, to, machine);
    };
  }
  Subject(const Subject&) = delete;  // the space refers to it

  std::string graph;
  Isa isa;
  Space space;
  const Facts* facts = nullptr;  // that the last sketch was made from
};

// Each graph for every Isa, with one thread and with two. A product whose weights may lie in blocks
// is there twice.
std::deque<Subject> subjects(Inputs& in, std::span<const Isa> isas) {
  std::deque<Subject> all;
  const std::vector<Graph> graphs = graphs_of(in);
  for (const Isa isa : isas)
    for (const int threads : {1, 2})
      for (const Graph& graph : graphs)
        for (KernelGraph& kernel : kernels_of(graph.outputs, in)) {
          all.emplace_back(graph.name, naive(kernel), isa, threads);
          kernel.blocks = worth_blocking(kernel, target(isa), 0);
          if (kernel.blocks)
            all.emplace_back(graph.name + std::string(", in blocks"), naive(kernel), isa, threads);
        }
  return all;
}

struct Turn {
  const Subject& subject;
  std::string point;
  Skeleton skeleton;
  const Facts& facts;  // before the turn
  const Kernel& nest;  // after it
};
struct Tally {
  int drawn = 0, refused = 0;
};

// A candidate with a point drawn in every turn, and another one if a move is refused. Counts the
// points by sketch.
Candidate drawn(Subject& subject, std::mt19937& random, std::map<std::string, Tally>& tallies,
                const std::function<void(const Turn&)>& see = {}) {
  Turns turns(subject.space);
  while (const Sketch* sketch = turns.next()) {
    Tally& tally = tallies[sketch->name];
    bool is_taken = false;
    for (int i = 0; i < most_draws && !is_taken; ++i) {
      const Point point = draw(*sketch, random);
      const std::string as_text = text(*sketch, point);
      CAPTURE(as_text);
      const Skeleton skeleton = *sketch->skeleton(point);
      const Facts& facts = *subject.facts;
      const Moved moved = apply_all(facts.nest, moves_of(skeleton), {}, Check::once);
      const auto* nest = std::get_if<Kernel>(&moved);
      if (nest && see) see({subject, as_text, skeleton, facts, *nest});
      is_taken = turns.take(point);
      CHECK(is_taken == (nest != nullptr));
      ++tally.drawn;
      tally.refused += is_taken ? 0 : 1;
    }
  }
  return turns.candidate();
}

// The bytes of all arguments and of the zones around them.
std::vector<AlignedBytes> run(const Kernel& kernel, Isa isa, int threads) {
  std::mt19937 random(7);
  std::vector<AlignedBytes> buffers;
  std::vector<void*> arguments;
  for (const KernelTensor& tensor : kernel.tensors) {
    if (tensor.where != Where::argument) continue;
    const auto bytes = static_cast<std::size_t>(info(tensor.type).bytes);
    buffers.emplace_back(tensor.elements() * bytes + 2 * guard, untouched);
    for (std::int64_t i = 0; i < tensor.elements() && !tensor.is_output; ++i) {
      const auto value = static_cast<int>(random() % 2000) - 1000;
      put(tensor.type, tensor.type == Type::f32 ? value / 1000.0 : value % 40,
          &buffers.back()[guard + i * bytes]);
    }
  }
  for (AlignedBytes& buffer : buffers) arguments.push_back(buffer.data() + guard);
  const auto device = cpu_device(threads);
  device->launch(*device->load(compiled(finish(kernel, target(isa)), isa)), arguments, {});
  return buffers;
}

// The loops around the statement after its turn, outermost first, a line a loop.
std::string loops_of(const Turn& turn) {
  const Store& before = turn.skeleton.statement->store;
  const std::string target = turn.facts.nest.tensors[before.tensor].name;
  // Is it the statement or another one that stores to the target, but no copy between the target
  // and its tile?
  const auto is_alike = [&](const Kernel& nest, const Store& store) {
    const auto is_target = [&](int tensor) {
      return (nest.tensors[tensor].name + ".").starts_with(target + ".");
    };
    const auto* load = std::get_if<Load>(&store.value->detail);
    return is_target(store.tensor) && store.combine == before.combine &&
           !(load && is_target(load->tensor));
  };
  std::ptrdiff_t place = 0;  // of the statement among those
  for (const StatementFacts& statement : turn.facts.statements) {
    if (&statement == turn.skeleton.statement) break;
    place += is_alike(turn.facts.nest, statement.store);
  }
  std::string lines;
  visit_stores(turn.nest.body, [&](const Store& store, const Path& path) {
    if (!is_alike(turn.nest, store) || place-- != 0) return;
    for (const Var v : path)
      lines += fmt::format("{} {} {}\n", stem(turn.nest.axes[v].name), turn.nest.extent(v),
                           name(turn.nest.axes[v].tag));
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
const KernelTensor& tile_of(const Turn& turn, const SkeletonStage& stage) {
  const int staged = turn.skeleton.statement->accesses[stage.access].tensor;
  const auto tile = turn.nest.find_tensor(turn.facts.nest.tensors[staged].name + "." +
                                          stem(turn.skeleton.loops[stage.at].name));
  REQUIRE(tile);
  return turn.nest.tensors[*tile];
}

}  // namespace

TEST_CASE("the points of the sketches apply, and give the bits of the naive nest") {
  constexpr std::size_t rounds = 6;  // each kernel is compiled in one of them
  Inputs in;
  std::mt19937 random(1);
  std::deque<Subject> all = subjects(in, isas());
  std::map<std::string, Tally> tallies;                     // by sketch
  std::map<std::string, std::vector<AlignedBytes>> wanted;  // by naive nest
  for (std::size_t n = 0; n < rounds * all.size(); ++n) {
    Subject& subject = all[n % all.size()];
    CAPTURE(subject.graph);
    CAPTURE(name(subject.isa));
    const Candidate candidate = drawn(subject, random, tallies);
    CAPTURE(candidate.point);
    const Moved moved = apply_all(subject.space.naive, candidate.moves);
    REQUIRE(std::holds_alternative<Kernel>(moved));
    const Kernel& nest = std::get<Kernel>(moved);
    CHECK(verify(nest).value_or("") == "");
    if ((n + n / all.size()) % rounds != 0) continue;
    auto& bits = wanted[print(subject.space.naive)];
    if (bits.empty()) bits = run(subject.space.naive, isas().front(), 1);
    const auto found = run(nest, subject.isa, subject.space.machine.threads);
    CHECK_MESSAGE(found == bits, "other bits");
  }
}

TEST_CASE("the untuned schedule has a point in every turn") {
  Inputs in;
  for (const Subject& subject : subjects(in, every_isa)) {
    CAPTURE(subject.graph);
    CAPTURE(name(subject.isa));
    const Candidate candidate = untuned(subject.space);
    CHECK_FALSE(candidate.moves.empty());
    CHECK(candidate.point.find("none") == std::string::npos);
  }
}

TEST_CASE("few points are refused, and none of the product sketch") {
  Inputs in;
  std::mt19937 random(1);
  std::map<std::string, Tally> tallies;
  std::deque<Subject> all = subjects(in, every_isa);
  for (Subject& subject : all)
    for (int n = 0; n < 4; ++n) drawn(subject, random, tallies);
  const Tally product = tallies.at("product"), tile = tallies.at("tile");
  MESSAGE("refused points of the tile sketch: ", tile.refused, " of ", tile.drawn);
  CHECK(product.drawn > 200);
  CHECK(product.refused == 0);
  CHECK(tile.drawn > 500);
  CHECK(tile.refused <= most_refused * tile.drawn);
}

TEST_CASE("a skeleton lists the loops and the tiles that its moves make") {
  Inputs in;
  std::mt19937 random(1);
  std::deque<Subject> all = subjects(in, every_isa);
  for (Subject& subject : all)
    for (int n = 0; n < 4; ++n) {
      std::map<std::string, Tally> tallies;
      drawn(subject, random, tallies, [](const Turn& turn) {
        CAPTURE(turn.subject.graph);
        CAPTURE(turn.point);
        CHECK(loops_of(turn) == loops_of(turn.skeleton));
        for (const SkeletonStage& stage : turn.skeleton.stages) {
          const KernelTensor& tile = tile_of(turn, stage);
          CHECK(tile.where == stage.where);
          REQUIRE(tile.scope.value_or(-1) >= 0);
          CHECK(stem(turn.nest.axes[*tile.scope].name) == stem(turn.skeleton.loops[stage.at].name));
        }
      });
    }
}
