// A matrix product with the schedule of BLIS, as finish() leaves it: packed operands, a register
// tile of 8 rows by 2 vectors, on each Isa and with ragged extents.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "codegen/cpu_device.h"
#include "compiled.h"

using namespace tenon;

namespace {

Index v(Var axis) { return Index::var(axis); }

struct Tiles {
  std::int64_t kc = 64, mc = 32, rows = 8, lanes = 16;
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// c = a b with c[m,n], a[m,k], b[k,n]: for jc, pc { pack b; for ic parallel { pack a; tiles } }.
FinishedKernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, Tiles tile) {
  NestBuilder nest("gemm");
  const std::int64_t columns = 2 * tile.lanes, nr = ceil_div(n, columns);
  const std::int64_t nk = ceil_div(k, tile.kc), nm = ceil_div(m, tile.mc);
  const int a = nest.input("a", {m, k}), b = nest.input("b", {k, n}), c = nest.output("c", {m, n});
  const int packed_b = nest.heap("b_tile", {nr, tile.kc, 2, tile.lanes});
  const int packed_a = nest.heap("a_tile", {tile.mc / tile.rows, tile.kc, tile.rows}, true);
  const int sum = nest.registers("c_tile", {tile.rows, 2, tile.lanes});
  const Var pc = nest.axis("pc", nk), ic = nest.axis("ic", nm, Tag::parallel);
  const Var jr = nest.axis("jr", nr), ir = nest.axis("ir", tile.mc / tile.rows);
  const Var k0 = nest.axis("k0", tile.kc), i0 = nest.axis("i0", tile.rows, Tag::unroll);
  const Var j0 = nest.axis("j0", 2, Tag::unroll), jv = nest.axis("jv", tile.lanes, Tag::vector);
  const Index row = v(ic) * tile.mc + v(ir) * tile.rows + v(i0);
  const Index column = v(jr) * columns + v(j0) * tile.lanes + v(jv);
  const Index depth = v(pc) * tile.kc + v(k0);
  if (m % tile.mc) nest.limit(v(ic) * tile.mc + v(ir) * tile.rows + v(i0), m);
  if (n % columns) nest.limit(column, n);
  if (k % tile.kc) nest.limit(depth, k);
  const auto over_tile = [&](const std::function<void()>& body) {
    nest.loop(i0, [&] { nest.loop(j0, [&] { nest.loop(jv, body); }); });
  };
  nest.loop(pc, [&] {
    nest.loop(jr, [&] {
      nest.loop(k0, [&] {
        nest.loop(j0, [&] {
          nest.loop(jv, [&] {
            nest.store(packed_b, {v(jr), v(k0), v(j0), v(jv)}, nest.load(b, {depth, column}));
          });
        });
      });
    });
    nest.loop(ic, [&] {
      nest.loop(ir, [&] {
        nest.loop(k0, [&] {
          nest.loop(
              i0, [&] { nest.store(packed_a, {v(ir), v(k0), v(i0)}, nest.load(a, {row, depth})); });
        });
      });
      nest.loop(jr, [&] {
        nest.loop(ir, [&] {
          over_tile([&] {
            nest.store(sum, {v(i0), v(j0), v(jv)}, NestBuilder::constant(0), {{v(pc), 0, 1}});
          });
          over_tile([&] {
            nest.store(sum, {v(i0), v(j0), v(jv)}, nest.load(c, {row, column}), {{v(pc), 1, nk}});
          });
          nest.loop(k0, [&] {
            over_tile([&] {
              nest.accumulate(sum, {v(i0), v(j0), v(jv)},
                              nest.load(packed_a, {v(ir), v(k0), v(i0)}),
                              nest.load(packed_b, {v(jr), v(k0), v(j0), v(jv)}));
            });
          });
          over_tile([&] { nest.store(c, {row, column}, nest.load(sum, {v(i0), v(j0), v(jv)})); });
        });
      });
    });
  });
  return nest.finished();
}

std::vector<float> random_values(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

// The bits that every schedule must give: each sum ascends in k, with one rounding a step.
std::vector<float> expected(const std::vector<float>& a, const std::vector<float>& b,
                            std::int64_t m, std::int64_t n, std::int64_t k) {
  std::vector<float> c(m * n);
  for (std::int64_t i = 0; i < m; i++) {
    for (std::int64_t p = 0; p < k; p++) {
      for (std::int64_t j = 0; j < n; j++)
        c[i * n + j] = std::fma(a[i * k + p], b[p * n + j], c[i * n + j]);
    }
  }
  return c;
}

}  // namespace

TEST_CASE("a packed product gives the same bits on each Isa, with one and two threads") {
  const std::int64_t sizes[][3] = {{64, 64, 128}, {61, 67, 101}, {1, 1, 1}, {32, 33, 64}};
  for (const auto& [m, n, k] : sizes) {
    const std::vector<float> a = random_values(m * k, 1), b = random_values(k * n, 2);
    const std::vector<float> wanted = expected(a, b, m, n, k);
    for (const Isa isa : isas()) {
      const Artifact artifact = compiled(gemm(m, n, k, {}), isa);
      for (const int threads : {1, 2}) {
        const auto device = cpu_device(threads);
        std::vector<float> c(m * n, NAN);
        const void* buffers[] = {a.data(), b.data(), c.data()};
        device->launch(*device->load(artifact), {const_cast<void* const*>(buffers), 3}, {});
        CAPTURE(name(isa));
        CAPTURE(m);
        CHECK(std::memcmp(c.data(), wanted.data(), m * n * sizeof(float)) == 0);
      }
    }
  }
}
