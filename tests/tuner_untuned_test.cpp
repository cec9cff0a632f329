// What kernels run on if nobody has tuned them, as text. Other tests check that such schedules keep
// the bits.
#include <doctest/doctest.h>

#include <span>
#include <string>

#include "codegen/cpu_backend.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/reductions.h"
#include "ops/views.h"
#include "tuner/search/candidates.h"
#include "tuner_support.h"

using tenon::Tensor;
using tenon_test::Inputs;

namespace {

tenon::Candidate candidate(const Tensor& wanted, Inputs& in, tenon::Isa isa = tenon::Isa::avx2,
                           int threads = 1) {
  return untuned(tenon::Space{tuner_test::nest_of(wanted, in), tenon::target(isa),
                              tuner_test::machine_of(threads)});
}

std::string moves(const Tensor& wanted, Inputs& in, tenon::Isa isa = tenon::Isa::avx2,
                  int threads = 1) {
  return print(candidate(wanted, in, isa, threads).moves);
}

bool holds(const std::string& schedule, const std::string& move) {
  CAPTURE(schedule);
  return schedule.find(move) != std::string::npos;
}

}  // namespace

TEST_CASE("the tile of a product fills the registers of the instructions") {
  Inputs in;
  const Tensor product = matmul(in.floats({512, 64}), in.floats({64, 512}));
  const std::string wide = moves(product, in, tenon::Isa::avx512), narrow = moves(product, in);
  CHECK(holds(wide, "split sum.j -> jc jr(8) j0(4) jv(16) peel"));
  CHECK(holds(wide, "i0(6) peel"));
  CHECK(holds(narrow, "split sum.j -> jc jr(32) j0(2) jv(8) peel"));
  CHECK(holds(narrow, "i0(6) peel"));
}

TEST_CASE("a product without rows or terms is left alone") {
  Inputs in;
  CHECK(moves(matmul(in.floats({0, 64}), in.floats({64, 32})), in).empty());
  CHECK(moves(matmul(in.floats({8, 0}), in.floats({0, 32})), in).empty());
}

TEST_CASE("the lanes of a canonical order are the vectors of a tile") {
  const auto of_eight_rows = [](std::int64_t columns, std::int64_t terms) {
    Inputs in;
    const Tensor a = in.floats({8, terms}), b = in.floats({columns, terms});
    return moves(tenon::matmul(a, tenon::transpose(b)), in, tenon::Isa::avx512);
  };
  const std::string schedule = of_eight_rows(1024, 1024);
  CHECK(holds(schedule, "split sum.kl -> klo klv(16) peel"));
  CHECK(holds(schedule, "stage part at sum.klo in register"));
  CHECK(holds(schedule, "jr(342)"));  // one panel of all columns: the rows are packed once
  const std::string with_blocks = of_eight_rows(16, 1100);
  CHECK(holds(with_blocks, "sum.ir sum.kb sum.klo sum.k sum.i0"));
  CHECK(holds(with_blocks, "stage part at sum.klo in register"));
}

TEST_CASE("a product with few columns packs the right operand for its strands") {
  Inputs in;
  const Tensor a = in.floats({1000, 64}), b = in.floats({64, 10}, "b");
  const std::string schedule = moves(tenon::matmul(a, b), in);
  CHECK(holds(schedule, "bind sum.klv vector"));
  CHECK(holds(schedule, "stage in1 at sum.jc\n"));
  CHECK(holds(schedule, "bind in1.jc.klv vector"));
}

TEST_CASE("a packed operand is read along its rows") {
  Inputs in;
  const Tensor a = in.floats({128, 256}), b = in.floats({256, 4096}, "b");
  const std::string schedule = moves(tenon::matmul(a, b), in);
  CHECK(holds(schedule, "stage in1 at sum.jc\norder in1.jc.k in1.jc.jr\n"));
}

TEST_CASE("threads pack the strips that they read, and sum columns of their own") {
  Inputs in;
  const Tensor a = in.floats({35, 1024}), b = in.floats({1024, 512}, "b");
  const std::string product = moves(tenon::matmul(a, b), in, tenon::Isa::avx2, 2);
  CHECK(holds(product, "bind sum.jc parallel"));
  const std::string sum = moves(tenon::sum(in.floats({512, 4096}), {0}), in, tenon::Isa::avx2, 2);
  CHECK(holds(sum, "bind sum.it parallel"));
}

TEST_CASE("short rows that lie across the vectors are packed") {
  Inputs in;
  const Tensor a = in.floats({333, 8}), b = in.floats({333, 8}, "b");
  CHECK(holds(moves(tenon::matmul(a, tenon::transpose(b)), in), "stage in1 at sum.jc\n"));
}

TEST_CASE("a product of integers is a product too") {
  Inputs in;
  const auto found =
      candidate(tenon::matmul(in.integers({64, 64}, 9), in.integers({64, 64}, 9)), in);
  CAPTURE(found.point);
  CHECK(found.point.starts_with("product "));
  CHECK(holds(print(found.moves), "v vector\n"));
}

TEST_CASE("rows that are as many as strands do not become lanes") {
  Inputs in;
  const std::string schedule = moves(tenon::argmax(in.floats({64, 100})), in);
  CHECK(holds(schedule, "bind max.kl vector"));
  CHECK_FALSE(holds(schedule, ".i vector"));
  CHECK_FALSE(holds(schedule, ".iv vector"));
}

TEST_CASE("statements of long code get fewer vectors at once") {
  Inputs in;
  Tensor x = in.floats({2, 256});
  CHECK(holds(moves(tenon::exp(x), in), "v(32)"));
  CHECK(holds(moves(tenon::sum(x, {1}), in), "bind sum.kl vector"));  // all 64 strands at once
  for (int i = 0; i < 5; i++) x = tenon::sin(x);
  CHECK(holds(moves(x, in), "v(8)"));
  CHECK(holds(moves(tenon::sum(x, {1}), in), "split sum.kl -> klo klv(8)"));
}

TEST_CASE("the vectors of a row are shared out evenly over its tiles") {
  Inputs in;
  const std::string schedule = moves(in.floats({100, 320}) * in.floats({100, 1}), in);
  CHECK(holds(schedule, "split map.j -> jo jv(32) peel"));
  const std::string shorter = moves(in.floats({100, 48}) * in.floats({100, 1}), in);
  CHECK(holds(shorter, "split map.j -> jo jv(24) peel"));  // not 32 and 16
}

TEST_CASE("a padded window is padded once, around its axes and those of the tiles") {
  Inputs in;
  const Tensor x = in.floats({1, 64, 28, 28}), y = in.floats({1, 64, 28, 28});
  const Tensor weights = in.floats({64, 64, 3, 3});
  tenon::Convolution options;
  options.padding = 1;
  const Tensor loss = tenon::sum(tenon::conv2d(x, weights, options) * y);
  const std::string schedule =
      moves(tenon::gradients(loss, std::span(&weights, 1))[0], in, tenon::Isa::avx512);
  CHECK(holds(schedule, "order sum.lc sum.jr sum.lr sum.m sum.n sum.k sum.r sum.l0 sum.j0 sum.jv"));
  CHECK(holds(schedule, "stage in1 at sum.lc box"));
}

TEST_CASE("a depthwise convolution unrolls its window, for four rows at once") {
  Inputs in;
  tenon::Convolution options;
  options.groups = 32;
  options.padding = 1;
  const Tensor x = in.floats({1, 32, 28, 28}), weights = in.floats({32, 1, 3, 3});
  const std::string schedule = moves(tenon::conv2d(x, weights, options), in);
  CHECK(holds(schedule, "m0(4) peel"));
  CHECK(holds(schedule, "bind sum.k unroll\nbind sum.r unroll"));
}

TEST_CASE("a pooling unrolls its window, for four rows at once") {
  Inputs in;
  const tenon::Pooling options{.stride = 2};
  const std::string schedule = moves(tenon::max_pool2d(in.floats({2, 16, 32, 32}), 3, options), in);
  CHECK(holds(schedule, "bind max.k unroll\nbind max.r unroll\nbind max.l0 unroll"));
  CHECK(holds(schedule, "bind max.mv vector"));
}

TEST_CASE("a transpose goes through a tile in registers with vectors along both axes") {
  Inputs in;
  const Tensor x = tenon::transpose(in.floats({512, 512}));
  const std::string schedule = moves(x + in.floats({512, 512}), in);
  CHECK(holds(schedule,
              "bind map.i0 unroll\nbind map.jv vector\n"
              "stage in0 at map.io in register\n"
              "bind in0.io.i0 vector\nbind in0.io.jv vector"));
}

TEST_CASE("a sum of short rows has vectors along the rows' axis, through a transpose") {
  Inputs in;
  const std::string schedule = moves(tenon::sum(in.floats({1000, 63}), 1), in);
  CHECK(holds(schedule, "bind sum.iv vector"));
  CHECK(holds(schedule,
              "stage in0 at sum.ko in register\n"
              "bind in0.ko.k0 vector\nbind in0.ko.iv vector"));
}

TEST_CASE("a sum down long columns takes some lines of memory at a time") {
  Inputs in;
  const std::string schedule = moves(tenon::sum(in.floats({512, 4096}), {0}), in);
  CHECK(holds(schedule, "split sum.k -> ko k0(8) peel"));
  const std::string in_blocks = moves(tenon::sum(in.floats({4096, 1024}), {0}), in);
  CHECK(holds(in_blocks, "split sum.k -> ko k0(8) peel"));
}

TEST_CASE("a narrow table is summed in vectors along its rows") {
  Inputs in;
  const std::string schedule = moves(tenon::sum(in.floats({5000, 3}), 0), in);
  CHECK(holds(schedule, "fuse sum.kl sum.i -> kli"));
  CHECK(holds(schedule, "bind kli vector"));
}

TEST_CASE("of long rows that are read twice the next one is prefetched") {
  Inputs in;
  const Tensor x = in.floats({4096, 1024});
  CHECK(holds(moves(tenon::softmax(x), in), "in register depth 33"));
  CHECK_FALSE(holds(moves(tenon::relu(x), in), "depth"));
}

TEST_CASE("results that outgrow the caches are written past them") {
  Inputs in;
  const Tensor small = in.floats({1 << 10}), large = in.floats({1 << 22});
  CHECK_FALSE(holds(moves(small + small, in), "stream"));
  CHECK(holds(moves(large + large, in), "stage map at map.io stream"));
}

TEST_CASE("short rows and padded ones that end within a line of memory stay in the caches") {
  const auto padded = [](std::int64_t count, std::int64_t width) {
    Inputs in;
    return moves(tenon::pad(in.floats({count, width - 2}), {{0, 0}, {1, 1}}), in);
  };
  CHECK_FALSE(holds(padded(74000, 58), "stream"));  // 16 MB
  CHECK(holds(padded(74000, 64), "stream"));
  // Such a loop is cut where the padding ends, but not if it had to begin at a line.
  CHECK_FALSE(holds(padded(4200, 1022), "stream"));
  Inputs in;
  const Tensor x = in.floats({4200, 1022});
  CHECK(holds(moves(tenon::softmax(x), in), "stream"));  // few of the lines of such a row are torn
}

TEST_CASE("an axis that is read by quotient and remainder becomes two") {
  Inputs in;
  const Tensor heads = in.floats({12, 128, 64}), w = in.floats({768, 96});
  const Tensor rows = reshape(tenon::permute(heads, {1, 0, 2}), {128, 768});
  CHECK(holds(moves(matmul(rows, w), in), "split sum.k -> ko ki(64)"));
  CHECK(holds(moves(tenon::relu(rows), in), "split map.j -> jo ji(64)"));
  // Neighbouring quotients make one address: nothing jumps.
  CHECK_FALSE(holds(moves(tenon::relu(reshape(heads, {12, 8192})), in), "ji"));
}

TEST_CASE("a window that is too large to be unrolled is computed for several rows at once") {
  Inputs in;
  const Tensor x = in.floats({1, 96, 56, 56}), w = in.floats({96, 1, 7, 7});
  const Tensor y = conv2d(x, w, {.padding = 3, .groups = 96});
  const std::string schedule = moves(y, in);
  CHECK(holds(schedule, "(4)"));
  CHECK_FALSE(holds(schedule, "bind sum.s unroll"));
}

TEST_CASE("a transpose of rows that lie in the same lines of a cache keeps its tile") {
  Inputs in;
  const std::string schedule = moves(transpose(in.floats({1024, 1024})), in);
  CHECK(holds(schedule, "split copy.j -> jo jv(16) peel"));  // whole lines of the result
  CHECK(holds(schedule, "i0(8)"));
}

TEST_CASE("a product of few rows packs its right operand in panels that stay near") {
  Inputs in;
  CHECK(holds(moves(matmul(in.floats({128, 768}), in.floats({768, 3072})), in), "jr(21)"));
  CHECK(holds(moves(matmul(in.floats({1024, 768}), in.floats({768, 3072})), in), "jr(170)"));
}

TEST_CASE("every thread gets as many groups of rows") {
  Inputs in;
  const Tensor product = matmul(in.floats({128, 768}), in.floats({768, 3072}));
  const tenon::Space space{tuner_test::nest_of(product, in), tenon::target(tenon::Isa::avx2),
                           tuner_test::machine_of(2)};
  tenon::Turns turns(space);
  const tenon::Sketch* sketch = turns.next();
  REQUIRE(sketch);
  REQUIRE(turns.take(sketch->seeds.front()));
  CHECK(holds(print(turns.candidate().moves), "ir(6) i0(6)"));  // 22 tiles are four groups
}
