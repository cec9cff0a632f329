// What the pick decides, as text. Other tests check that its schedules keep the bits.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "codegen/cpu_info.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower/schedule.h"
#include "lower_support.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/reductions.h"
#include "tuner/schedule/pick.h"

using tenon::Tensor;
using tenon_test::Inputs;

namespace {

std::string picked(const Tensor& wanted, Inputs& in, tenon::Isa isa = tenon::Isa::avx2) {
  const std::vector<tenon::KernelGraph> kernels =
      tenon::fusion(tenon::apply_rules(std::vector{wanted.node()}, in.executor.nodes()));
  REQUIRE(kernels.size() == 1);
  tenon::Machine machine = tenon::this_machine();
  machine.threads = 1;
  return print(pick(naive(kernels[0]), tenon::target(isa), machine));
}

bool holds(const std::string& schedule, const char* move) {
  CAPTURE(schedule);
  return schedule.find(move) != std::string::npos;
}

}  // namespace

TEST_CASE("the tile of a product fills the registers of the instructions") {
  Inputs in;
  const Tensor product = matmul(in.floats({512, 64}), in.floats({64, 512}));
  const std::string wide = picked(product, in, tenon::Isa::avx512), narrow = picked(product, in);
  CHECK(holds(wide, "split sum.j -> jc jr(16) j0(2) jv(16) peel"));
  CHECK(holds(wide, "i0(8) peel"));
  CHECK(holds(narrow, "i0(6) peel"));
}

TEST_CASE("a product without rows or terms is left alone") {
  Inputs in;
  CHECK(picked(matmul(in.floats({0, 64}), in.floats({64, 32})), in).empty());
  CHECK(picked(matmul(in.floats({8, 0}), in.floats({0, 32})), in).empty());
}

TEST_CASE("the lanes of a canonical order are the vectors of a tile") {
  const auto of_eight_rows = [](std::int64_t columns, std::int64_t terms) {
    Inputs in;
    const Tensor a = in.floats({8, terms}), b = in.floats({columns, terms});
    return picked(tenon::matmul(a, tenon::transpose(b)), in, tenon::Isa::avx512);
  };
  const std::string schedule = of_eight_rows(1024, 1024);
  CHECK(holds(schedule, "split sum.kl -> klo klv(16) peel"));
  CHECK(holds(schedule, "stage part at sum.klo in register"));
  CHECK(holds(schedule, "jr(342)"));  // one panel of all columns: the rows are packed once
  const std::string with_blocks = of_eight_rows(16, 1100);
  CHECK(holds(with_blocks, "sum.ir sum.kb sum.klo sum.k sum.i0"));
  CHECK(holds(with_blocks, "stage part at sum.klo in register"));
}

TEST_CASE("rows that are as many as strands do not become lanes") {
  Inputs in;
  const std::string schedule = picked(tenon::argmax(in.floats({64, 100})), in);
  CHECK(holds(schedule, "bind max.kl vector"));
  CHECK_FALSE(holds(schedule, ".i vector"));
}

TEST_CASE("statements of long code get fewer vectors at once") {
  Inputs in;
  Tensor x = in.floats({2, 256});
  CHECK(holds(picked(tenon::exp(x), in), "v(32)"));
  for (int i = 0; i < 5; i++) x = tenon::sin(x);
  CHECK(holds(picked(x, in), "v(8)"));
  CHECK(holds(picked(tenon::sum(x, {1}), in), "split sum.kl -> klo klv(8)"));
}

TEST_CASE("a padded window is padded once, around its axes and those of the tiles") {
  Inputs in;
  const Tensor x = in.floats({1, 64, 28, 28}), y = in.floats({1, 64, 28, 28});
  const Tensor weights = in.floats({64, 64, 3, 3});
  tenon::Convolution options;
  options.padding = 1;
  const Tensor loss = tenon::sum(tenon::conv2d(x, weights, options) * y);
  const std::string schedule =
      picked(tenon::gradients(loss, std::span(&weights, 1))[0], in, tenon::Isa::avx512);
  CHECK(holds(schedule, "order sum.jc sum.lc sum.jr sum.lr sum.m sum.n sum.k sum.r sum.l0"));
  CHECK(holds(schedule, "at sum.lc box"));
}

TEST_CASE("a sum down long columns takes some lines of memory at a time") {
  Inputs in;
  const std::string schedule = picked(tenon::sum(in.floats({512, 4096}), {0}), in);
  CHECK(holds(schedule, "split sum.k -> ko k0(16) peel"));
}

TEST_CASE("a narrow table is summed in vectors along its rows") {
  Inputs in;
  const std::string schedule = picked(tenon::sum(in.floats({5000, 3}), 0), in);
  CHECK(holds(schedule, "fuse sum.kl sum.i -> kli"));
  CHECK(holds(schedule, "bind kli vector"));
}

TEST_CASE("of long rows that are read twice the next one is prefetched") {
  Inputs in;
  const Tensor x = in.floats({4096, 1024});
  CHECK(holds(picked(tenon::softmax(x), in), "in register depth 33"));
  CHECK_FALSE(holds(picked(tenon::relu(x), in), "depth"));
}

TEST_CASE("results that outgrow the caches are written past them") {
  Inputs in;
  const Tensor small = in.floats({1 << 10}), large = in.floats({1 << 22});
  CHECK(picked(small + small, in).find("stream") == std::string::npos);
  const std::string schedule = picked(large + large, in);
  CAPTURE(schedule);
  CHECK(schedule.find("stage map at map.io stream") != std::string::npos);
}
