// Products read copies of their weights in blocks from the second run on. The copies change no bit,
// and none is used after its weights were written to or freed.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <optional>

#include "core/ranges.h"
#include "ops/ops.h"
#include "tuner/session/kept_copies.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

BufferRef buffer_of(std::size_t bytes) { return std::make_shared<Buffer>(Buffer{nullptr, bytes}); }

std::vector<float> wave(std::int64_t count, float speed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<float>(i) * speed);
  return values;
}

Tensor tensor(Session& session, const Shape& shape, float speed) {
  return session.tensor(wave(elements(shape), speed), shape);
}

// A session that keeps the weights of all sizes, or of none.
SessionOptions options(std::optional<std::int64_t> keeps, int threads = 1, std::string isa = "") {
  return {.threads = threads, .isa = std::move(isa), .cache = "", .keeps = keeps};
}

}  // namespace

TEST_CASE("a copy is made in the second run, and stays while the buffer keeps its contents") {
  KeptCopies copies(100);
  int made = 0;
  const auto make = [&] {
    ++made;
    return buffer_of(40);
  };
  BufferRef weights = buffer_of(40);
  const auto find = [&](const BufferRef& of) {
    copies.begin_run();
    CHECK(copies.find(of, "a", make) == copies.find(of, "a", make));
    return copies.find(of, "a", make);
  };
  CHECK(find(weights) == nullptr);
  const BufferRef copy = find(weights);
  CHECK(copy != nullptr);
  CHECK(find(weights) == copy);
  CHECK(copies.find(weights, "b", make) == nullptr);  // another layout
  CHECK(made == 1);
  ++weights->version;  // written to
  CHECK(copies.find(weights, "a", make) == nullptr);
  CHECK(find(weights) != copy);
  ++weights->writes;
  CHECK(copies.find(weights, "a", make) == nullptr);
  CHECK(find(weights) != nullptr);
  const std::weak_ptr<Buffer> held = find(weights);
  weights.reset();
  copies.begin_run();
  CHECK(held.expired());
}

TEST_CASE("copies take no more memory than they may, and those not in use make room") {
  KeptCopies copies(100);
  const auto make = [] { return buffer_of(40); };
  const std::vector<BufferRef> weights{buffer_of(40), buffer_of(40), buffer_of(40)};
  const auto kept = [&](std::vector<int> used) {
    copies.begin_run();
    const auto is_kept = [&](int i) { return copies.find(weights[i], "", make) != nullptr; };
    return std::ranges::count_if(used, is_kept);
  };
  CHECK(kept({0, 1, 2}) == 0);
  CHECK(kept({0, 1, 2}) == 2);
  CHECK(kept({0, 1, 2}) == 2);  // all are in use, so none makes room
  CHECK(kept({2}) == 0);
  CHECK(kept({2}) == 1);  // in the place of the two others
  CHECK(kept({0, 2}) == 1);
}

TEST_CASE("products of weights in blocks have the bits of those that read the weights") {
  struct Case {
    std::int64_t rows, terms, columns;
    bool is_turned;  // the weights are [columns, terms]
  };
  for (const auto& [rows, terms, columns, is_turned] :
       {Case{5, 70, 64, false}, Case{13, 1100, 75, false}, Case{2, 64, 65, true},
        Case{30, 129, 100, true}, Case{3, 2100, 73, true}})
    for (const char* isa : {"avx512", "avx2", "fma128"})
      for (const int threads : {1, 2}) {
        if (!contains(Session(options({})).backend().machine.isas, std::string(isa))) continue;
        CAPTURE(isa);
        CAPTURE(threads);
        CAPTURE(columns);
        const auto results = [&](std::optional<std::int64_t> keeps) {
          Session session(options(keeps, threads, isa));
          const Tensor w =
              tensor(session, is_turned ? Shape{columns, terms} : Shape{terms, columns}, .37F);
          const Tensor bias = tensor(session, {columns}, .2F);
          std::vector<float> all;
          for (int run = 0; run < 3; ++run) {
            const Tensor x = tensor(session, {rows, terms}, .1F * static_cast<float>(run + 1));
            append(all, gelu(matmul(x, is_turned ? transpose(w) : w) + bias).to_vector<float>());
          }
          CHECK(session.statistics().compiled == (keeps ? 3 : 1));  // the copy, and its reader
          return all;
        };
        CHECK(results(0) == results({}));
      }
}

TEST_CASE("a product never reads a copy of weights that have changed") {
  Session session(options(0)), plain(options({}));
  const auto results = [](Session& in) {
    Tensor w = tensor(in, {64, 96}, .3F);
    const Tensor x = tensor(in, {8, 64}, .7F);
    std::vector<float> all;
    for (int run = 0; run < 6; ++run) {
      if (run == 3) w.assign(tensor(in, {64, 96}, .9F));
      append(all, (matmul(x, w) + static_cast<float>(run)).to_vector<float>());
    }
    return all;
  };
  CHECK(results(session) == results(plain));
  CHECK(results(session) == results(plain));  // on new buffers, perhaps at the old addresses
}

TEST_CASE("layers that share a kernel have a copy each, and training makes none") {
  Session session(options(0)), plain(options({}));
  const auto network = [](Session& in) {
    const Tensor first = tensor(in, {64, 64}, .3F), second = tensor(in, {64, 64}, .5F);
    std::vector<float> all;
    for (int run = 0; run < 3; ++run) {
      const Tensor x = tensor(in, {4, 64}, .1F * static_cast<float>(run + 1));
      append(all, matmul(tanh(matmul(x, first)), second).to_vector<float>());
    }
    return all;
  };
  CHECK(network(session) == network(plain));
  Session training(options(0));
  Tensor w = tensor(training, {64, 64}, .3F);
  const Tensor x = tensor(training, {4, 64}, .7F);
  for (int step = 0; step < 4; ++step) w.assign(w - matmul(transpose(x), matmul(x, w)) * .01F);
  CHECK(training.statistics().compiled == 2);
}

TEST_CASE("a bound graph reads copies from its second launch on") {
  Session session(options(0)), plain(options({}));
  const auto launches = [](Session& in) {
    const Tensor w = tensor(in, {64, 96}, .3F), x = tensor(in, {8, 64}, .7F);
    std::vector<Tensor> y{matmul(x, w)};
    const std::weak_ptr<const Node> node = y[0].node();
    const Bound bound = in.bind(y);
    y.clear();
    CHECK(node.expired());  // a Bound does not hold its graph
    for (int i = 0; i < 3; ++i) bound.launch();
    const std::vector<float> other = wave(64 * 96, .9F);
    in.device().write(*current_buffer(*w.node()), other.data());
    bound.launch();
    std::vector<float> values(8 * 96);
    in.device().read(*bound.results[0], values.data());
    return values;
  };
  CHECK(launches(session) == launches(plain));
  CHECK(session.statistics().launches == 5);  // one makes the copy of the first weights
}
