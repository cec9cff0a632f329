// Several sessions in one process, each in a thread of its own.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "folder.h"
#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

constexpr int graphs = 6;

SessionOptions options_in(const std::string& cache, int threads) {
  SessionOptions options;
  options.threads = threads;
  options.cache = cache;
  return options;
}

// A graph of several kernels, another one for each number.
std::vector<float> run(Session& session, int number) {
  const int rows = 256 + number;
  const std::vector<float> values(static_cast<std::size_t>(rows) * 64, 0.125F);
  const Tensor a = session.tensor(values, {rows, 64}), b = session.tensor(values, {64, rows});
  return matmul(softmax(matmul(a, b), -1), a + 1).to_vector<float>();
}

bool is_refused(Session& session) {
  try {
    const Tensor square = session.tensor(std::vector<float>(4), {2, 2});
    matmul(square, session.tensor(std::vector<float>(6), {3, 2}));
  } catch (const Error&) {
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("sessions in threads of their own share a cache and give the same bits") {
  const Folder folder;
  std::vector<std::vector<float>> expected;
  {
    Session alone(options_in("", 2));
    for (int number = 0; number < graphs; ++number) expected.push_back(run(alone, number));
  }
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&, worker] {
      for (int life = 0; life < 2; ++life) {
        Session session(options_in(folder / "cache.sqlite", 1 + worker % 2));
        for (int step = 0; step < graphs; ++step) {
          const int number = (step + worker) % graphs;
          right += is_refused(session) && run(session, number) == expected[number];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 4 * 2 * graphs);
}
