// A program that makes one training step of a small convolutional network on 64 images of 8x8, and
// prints the loss. The suite `start` times it beside the same step in bench/peers/.
// usage: digits_step [THREADS]

#include <cstdlib>
#include <random>
#include <vector>

#include <fmt/core.h>

#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/views.h"
#include "tuner/session/session.h"

namespace {

using namespace tenon;

constexpr std::int64_t images = 64, classes = 10;

Tensor random_tensor(Session& session, std::mt19937& random, Shape shape, float scale) {
  std::uniform_real_distribution<float> distribution(-scale, scale);
  std::vector<float> values(elements(shape));
  for (float& value : values) value = distribution(random);
  return session.tensor(std::span<const float>(values), std::move(shape));
}

void train_one_step(int threads) {
  SessionOptions options;
  options.threads = threads;
  Session session(options);
  std::mt19937 random;
  const Tensor x = random_tensor(session, random, {images, 1, 8, 8}, 1);
  std::vector<std::int32_t> classes_of_images(images);
  for (std::int64_t i = 0; i < images; ++i) classes_of_images[i] = static_cast<int>(i % classes);
  const Tensor labels = session.tensor(std::span<const std::int32_t>(classes_of_images), {images});
  const Tensor rate = session.tensor(std::vector<float>{0.1F}, {});

  std::vector<Tensor> weights{random_tensor(session, random, {16, 1, 3, 3}, 0.3F),
                              random_tensor(session, random, {32, 16, 3, 3}, 0.1F),
                              random_tensor(session, random, {32 * 4 * 4, classes}, 0.05F)};
  Convolution same;
  same.padding = 1;
  const Tensor first = max_pool2d(relu(conv2d(x, weights[0], same)), 2);
  const Tensor second = relu(conv2d(first, weights[1], same));
  const Tensor logits = matmul(reshape(second, {images, 32 * 4 * 4}), weights[2]);
  const Tensor loss = cross_entropy(logits, labels);

  const std::vector<Tensor> slopes = gradients(loss, weights);
  std::vector<Tensor> results{loss};
  for (std::size_t i = 0; i < weights.size(); ++i) results.push_back(weights[i] - rate * slopes[i]);
  realize(results);
  fmt::print("loss {:.6f}\n", loss.item<float>());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    train_one_step(argc > 1 ? std::atoi(argv[1]) : 0);
    return 0;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "digits_step: {}\n", failure.what());
    return 1;
  }
}
