// Trains a small convolutional network to read handwritten digits, and shows what it has learnt:
//   digits [EPOCHS]     run from the root of the repository; it reads examples/digits.csv
// This is the program to read first. What happens behind realize() is in tuner/session/session.h.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>

#include <fmt/core.h>

#include "core/error.h"
#include "examples/scans.h"
#include "ops/ops.h"
#include "tuner/session/session.h"

namespace {

using namespace tenon;
using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;

constexpr int batch = 32, held_out = 360;

struct Network {
  explicit Network(Session& tn) {
    const Tensor seed = tn.tensor(Ints{1}, {});
    const auto random = [&](const Shape& shape, double inputs, int stream) {
      return normal(seed, shape, stream) * std::sqrt(2 / inputs);  // He et al., 2015
    };
    filters1 = random({16, 1, 3, 3}, 9, 1);
    filters2 = random({32, 16, 3, 3}, 16 * 9, 2);
    weights = random({512, 10}, 512, 3);
    bias1 = tn.tensor(Floats(16), {16, 1, 1});
    bias2 = tn.tensor(Floats(32), {32, 1, 1});
    bias = tn.tensor(Floats(10), {10});
  }

  // Images [N,1,8,8] to logits [N,10]. In training, `seed` chooses the features that are dropped.
  Tensor operator()(const Tensor& images, const Tensor& seed = {}) const {
    const Tensor edges = relu(conv2d(images, filters1, {.padding = 1}) + bias1);
    const Tensor parts = relu(conv2d(max_pool2d(edges, 2), filters2, {.padding = 1}) + bias2);
    const Tensor features = reshape(parts, {images.extent(0), 512});
    return matmul(seed.is_empty() ? features : dropout(features, 0.5, seed), weights) + bias;
  }

  std::vector<Tensor*> parameters() {
    return {&filters1, &bias1, &filters2, &bias2, &weights, &bias};
  }

  Tensor filters1, bias1, filters2, bias2, weights, bias;
};

void train(Session& tn, Network& network, const Scans& scans, int epochs) {
  Adam adam(network.parameters());
  std::mt19937 random(1);
  std::vector<int> order(scans.count());
  std::iota(order.begin(), order.end(), 0);
  const int batches = scans.count() / batch, steps = epochs * batches;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    float loss_sum = 0;
    for (std::size_t i = order.size() - 1; i > 0; --i)
      std::swap(order[i], order[random() % (i + 1)]);
    for (int i = 0; i < batches; ++i) {
      const int step = epoch * batches + i;
      const Scans some = moved(scans, {&order[i * batch], batch}, random);
      const Tensor images = tn.tensor(some.pixels, {batch, 1, scan_side, scan_side});
      const Tensor labels = tn.tensor(some.labels, {batch});
      const Tensor loss = cross_entropy(network(images, tn.tensor(Ints{step}, {})), labels);
      adam.set_rate(0.01 * (steps - step) / steps);  // down to 0 at the end
      adam.step(loss);
      loss_sum += loss.item<float>();
      draw_progress(step + 1, steps, loss.item<float>());
    }
    if ((epoch + 1) % 5 == 0 || epoch + 1 == epochs)
      fmt::print("epoch {:2}: loss {:.4f}\n", epoch + 1, loss_sum / static_cast<float>(batches));
  }
}

// Draws some of the scans with what the network reads in them, mistakes first. Prints how many of
// all scans it reads correctly.
void judge(Session& tn, const Network& network, const Scans& scans) {
  const Tensor images = tn.tensor(scans.pixels, {scans.count(), 1, scan_side, scan_side});
  const Tensor odds = softmax(network(images));
  const std::array results{argmax(odds), max(odds, -1)};
  realize(results);
  const Ints said = results[0].to_vector<std::int32_t>();
  const Floats certainty = results[1].to_vector<float>();

  std::vector<int> wrong, right;
  for (int scan = 0; scan < scans.count(); ++scan)
    (said[scan] == scans.labels[scan] ? right : wrong).push_back(scan);
  std::vector<int> shown(wrong.begin(), wrong.begin() + std::min<std::size_t>(wrong.size(), 2));
  shown.insert(shown.end(), right.begin(), right.begin() + std::min<std::size_t>(right.size(), 2));
  std::vector<std::string> captions;
  for (const int scan : shown) {
    captions.push_back(fmt::format("{} ({:.0f}%)", said[scan], 100 * certainty[scan]));
    if (said[scan] != scans.labels[scan])
      captions.back() += fmt::format(", is {}", scans.labels[scan]);
  }
  draw(scans, shown, captions);
  fmt::print("accuracy: {:.1f}%\n", 100.0 * static_cast<double>(right.size()) / scans.count());
}

}  // namespace

int main(int argc, char** argv) try {
  const int epochs = argc > 1 ? std::atoi(argv[1]) : 30;
  if (epochs < 1) fail("usage: digits [EPOCHS], a whole number from 1, not '{}'", argv[1]);
  Session tn;
  const Scans all = read_scans("examples/digits.csv");
  const int split = all.count() - held_out;
  Network network(tn);
  train(tn, network, part(all, 0, split), epochs);
  judge(tn, network, part(all, split, all.count()));
  const Statistics& spent = tn.statistics();
  fmt::print(
      "compiled: {}, from cache: {} (graph {:.2f} s, lowering {:.2f} s, compiling {:.2f} s, "
      "running {:.2f} s)\n",
      spent.compiled, spent.from_cache, spent.graph_seconds, spent.lowering_seconds,
      spent.compiling_seconds, spent.running_seconds);
} catch (const Error& mistake) {
  fmt::print(stderr, "digits: {}\n", mistake.what());
  return 2;
}
