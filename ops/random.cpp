#include "ops/random.h"

#include <array>
#include <numbers>

#include "ops/arithmetic.h"
#include "ops/functions.h"
#include "ops/operands.h"
#include "ops/views.h"

namespace tenon {
namespace {

Tensor rotate_left(const Tensor& x, int bits) {
  return map(ScalarOp::shl, {x, expand(number_like(x, bits), x.shape())}) |
         map(ScalarOp::shr, {x, expand(number_like(x, 32 - bits), x.shape())});
}

// Two words of random bits for every element.
std::pair<Tensor, Tensor> draw(std::string_view name, const Tensor& seed, const Shape& shape,
                               int stream) {
  if (seed.rank() != 0 || seed.type() != Type::i32)
    fail("{}: the seed must be one number, i32[], got {}; reshape or cast it", name,
         describe(seed));
  const std::int64_t count = elements(shape);
  if (count > INT32_MAX)
    fail("{}: {} has more than 2^31 elements; draw parts with streams of their own", name,
         text(shape));
  Executor& executor = seed.executor();
  const Tensor place = reshape(iota(executor, count), shape);
  return threefry2x32(expand(seed, shape), constant(executor, Type::i32, stream, shape), place,
                      constant(executor, Type::i32, 0, shape));
}

// The upper 24 bits, as a whole number in f32.
Tensor upper_bits(const Tensor& bits) {
  return cast(map(ScalarOp::shr, {bits, expand(number_like(bits, 8), bits.shape())}), Type::f32);
}

}  // namespace

std::pair<Tensor, Tensor> threefry2x32(const Tensor& key0, const Tensor& key1,
                                       const Tensor& counter0, const Tensor& counter1) {
  constexpr int rounds = 20;
  constexpr std::array<int, 8> rotations{13, 15, 26, 6, 17, 29, 16, 24};
  const std::array<Tensor, 3> keys{key0, key1, key0 ^ key1 ^ 0x1BD11BDA};
  Tensor a = counter0 + keys[0];
  Tensor b = counter1 + keys[1];
  for (int round = 0; round < rounds; ++round) {
    a = a + b;
    b = rotate_left(b, rotations[round % 8]) ^ a;
    if (round % 4 == 3) {
      const int injected = round / 4 + 1;
      a = a + keys[injected % 3];
      b = b + keys[(injected + 1) % 3] + injected;
    }
  }
  return {a, b};
}

Tensor random_bits(const Tensor& seed, const Shape& shape, int stream) {
  return draw("random_bits", seed, shape, stream).first;
}

Tensor uniform(const Tensor& seed, const Shape& shape, int stream) {
  return upper_bits(draw("uniform", seed, shape, stream).first) * 0x1p-24;
}

// The first word gives the radius, by a number in (0, 1] so that its logarithm is finite. The
// second word gives the angle.
Tensor normal(const Tensor& seed, const Shape& shape, int stream) {
  const auto [first, second] = draw("normal", seed, shape, stream);
  const Tensor radius = sqrt(-2 * log((upper_bits(first) + 1) * 0x1p-24));
  return radius * sin(upper_bits(second) * (0x1p-24 * 2 * std::numbers::pi));
}

Tensor dropout(const Tensor& x, double rate, const Tensor& seed, int stream) {
  need_float("dropout", x);
  if (!(rate >= 0 && rate < 1))
    fail("dropout: rate {} is not in [0, 1); it is the share that is dropped", rate);
  return where(uniform(seed, x.shape(), stream) < rate, 0, x * (1 / (1 - rate)));
}

}  // namespace tenon
