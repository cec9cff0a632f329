#include "ops/random.h"

#include <algorithm>

#include "core/error.h"
#include "ops_helpers.h"

using namespace tenon;

namespace {

// The mean of (value - centre)^power.
double moment(const Floats& values, double centre, int power) {
  double total = 0;
  for (float value : values) total += std::pow(value - centre, power);
  return total / static_cast<double>(values.size());
}

Tensor seed(Executor& executor, std::int32_t value) { return ints(executor, {}, {value}); }

}  // namespace

// From the authors' kat_vectors, https://github.com/DEShawResearch/random123, threefry2x32 20.
TEST_CASE("threefry gives the published numbers") {
  InterpretExecutor executor;
  const std::uint32_t rows[][6] = {
      // counter, key, result
      {0, 0, 0, 0, 0x6b200159, 0x99ba4efe},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c, 0x483df7a0},
  };
  for (const auto& row : rows) {
    const auto word = [&](int i) { return seed(executor, static_cast<std::int32_t>(row[i])); };
    const auto [first, second] = threefry2x32(word(2), word(3), word(0), word(1));
    CHECK(static_cast<std::uint32_t>(first.item<std::int32_t>()) == row[4]);
    CHECK(static_cast<std::uint32_t>(second.item<std::int32_t>()) == row[5]);
  }
}

TEST_CASE("numbers follow from seed, stream and place alone") {
  InterpretExecutor executor;
  const auto draw = [&](int start, const Shape& shape, int stream) {
    return random_bits(seed(executor, start), shape, stream).to_vector<std::int32_t>();
  };
  const Ints numbers = draw(5, {20}, 0);
  CHECK(draw(5, {4, 5}, 0) == numbers);
  CHECK(draw(5, {3}, 0) == Ints(numbers.begin(), numbers.begin() + 3));
  CHECK(draw(6, {20}, 0) != numbers);
  CHECK(draw(5, {20}, 1) != numbers);
  CHECK(draw(5, {0}, 0).empty());
}

TEST_CASE("uniform numbers have the moments of theirs") {
  InterpretExecutor executor;
  const Floats values = uniform(seed(executor, 1), {4000}).to_vector<float>();
  CHECK(*std::min_element(values.begin(), values.end()) >= 0);
  CHECK(*std::max_element(values.begin(), values.end()) < 1);
  CHECK(moment(values, 0, 1) == doctest::Approx(0.5).epsilon(0.03));
  CHECK(moment(values, 0.5, 2) == doctest::Approx(1.0 / 12).epsilon(0.06));
  CHECK(moment(values, 0.5, 4) == doctest::Approx(1.0 / 80).epsilon(0.1));
}

TEST_CASE("normal numbers have the moments of theirs") {
  InterpretExecutor executor;
  const Floats values = normal(seed(executor, 1), {4000}).to_vector<float>();
  CHECK(std::fabs(moment(values, 0, 1)) < 0.05);
  CHECK(moment(values, 0, 2) == doctest::Approx(1).epsilon(0.07));
  CHECK(std::fabs(moment(values, 0, 3)) < 0.2);
  CHECK(moment(values, 0, 4) == doctest::Approx(3).epsilon(0.15));
  CHECK(std::all_of(values.begin(), values.end(), [](float x) { return std::fabs(x) < 5.8; }));
}

TEST_CASE("dropout keeps the mean, and its gradient passes where it keeps") {
  InterpretExecutor executor;
  const Tensor x = floats(executor, {2000}, sample(2000, 1, 2));
  const Tensor y = dropout(x, 0.25, seed(executor, 3));
  const Floats slopes = gradients(sum(y), {{x}})[0].to_vector<float>();  // before y has values
  const Floats kept = y.to_vector<float>();
  const auto zeros = std::count(kept.begin(), kept.end(), 0.0F);
  CHECK(zeros > 430);
  CHECK(zeros < 570);
  CHECK(moment(kept, 0, 1) == doctest::Approx(1.5).epsilon(0.05));
  for (std::size_t i = 0; i < kept.size(); ++i)
    CHECK(slopes[i] == (kept[i] == 0 ? 0 : static_cast<float>(1 / 0.75)));
  CHECK(dropout(x, 0, seed(executor, 3)).to_vector<float>() == x.to_vector<float>());
}

TEST_CASE("random numbers say what they need") {
  InterpretExecutor executor;
  CHECK_THROWS_WITH_AS(uniform(floats(executor, {}, {1}), {2}),
                       "uniform: the seed must be one number, i32[], got f32[]; reshape or cast it",
                       Error);
  CHECK_THROWS_WITH_AS(normal(seed(executor, 1), {1 << 16, 1 << 16}),
                       "normal: [65536,65536] has more than 2^31 elements; draw parts with streams "
                       "of their own",
                       Error);
  CHECK_THROWS_WITH_AS(dropout(floats(executor, {1}, {1}), 1, seed(executor, 1)),
                       "dropout: rate 1 is not in [0, 1); it is the share that is dropped", Error);
}
