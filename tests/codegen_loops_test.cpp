// Loops and their limits as code: parallel bodies, streams, and the two parts of a peeled loop.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sstream>

#include "checked_kernel.h"
#include "compiled.h"

using namespace tenon;

namespace {

// Runs y = f(x), with x at the end of mapped memory.
void run_at_end_of_memory(const FinishedKernel& kernel) {
  const std::size_t page = sysconf(_SC_PAGESIZE);
  void* pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  char* end = static_cast<char*>(pages) + page;
  REQUIRE(mprotect(end, page, PROT_NONE) == 0);
  alignas(64) float y[1024] = {};
  const KernelTensor& x = kernel.kernel.tensors[0];
  void* buffers[] = {end - (x.elements() - x.missing) * sizeof(float), y};
  for (const Isa isa : isas()) {
    const auto device = cpu_device(1);
    device->launch(*device->load(compiled(kernel, isa)), buffers, {});
  }
  munmap(pages, 2 * page);
}

}  // namespace

TEST_CASE("nothing behind the last element is read") {
  NestBuilder lanes("lanes");  // two lanes, four elements apart
  const int x = lanes.input("x", {16}), y = lanes.output("y", {2, 2});
  const Var i = lanes.axis("i", 2), l = lanes.axis("l", 2, Tag::vector);
  lanes.loop(i, [&] {
    lanes.loop(l, [&] { lanes.store(y, {v(i), v(l)}, lanes.load(x, {v(i) * 11 + v(l) * 4})); });
  });
  run_at_end_of_memory(lanes.finished());

  NestBuilder column("column");  // the last one of a matrix: a kernel gets its first element
  const int m = column.input("m", {16, 4}), c = column.output("c", {16});
  const Var row = column.axis("row", 16, Tag::vector);
  column.loop(row, [&] { column.store(c, {v(row)}, column.load(m, {v(row), 0})); });
  FinishedKernel last = column.finished();
  last.kernel.tensors[m].missing = 3;
  run_at_end_of_memory(last);

  NestBuilder rows("rows");  // stream stores to rows that are not aligned
  const int p = rows.input("p", {48}), q = rows.output("q", {3, 46});
  const Var r = rows.axis("r", 3), j = rows.axis("j", 3), k = rows.axis("k", 16, Tag::vector);
  const Index at = v(j) * 16 + v(k);
  rows.limit(at, 46);
  rows.loop(r, [&] {
    rows.loop(j, [&] {
      rows.loop(k, [&] { rows.store(q, {v(r), at}, rows.load(p, {at})).stream = true; });
    });
  });
  run_at_end_of_memory(rows.finished());
}

TEST_CASE("parallel loops see the loops around them; one inside another runs by itself") {
  NestBuilder nest("parallel");
  const int x = nest.input("x", {3, 17, 5}), y = nest.output("y", {3, 17, 5}),
            tile = nest.heap("tile", {5}, true);
  const Var o = nest.axis("o", 3), p = nest.axis("p", 17, Tag::parallel),
            q = nest.axis("q", 5, Tag::parallel);
  nest.limit(v(p) + v(o), 15);
  nest.loop(o, [&] {
    nest.loop(p, [&] {
      nest.loop(q, [&] { nest.store(tile, {v(q)}, nest.load(x, {v(o), v(p), v(q)})); });
      nest.loop(q, [&] { nest.store(y, {v(o), v(p), v(q)}, nest.load(tile, {Index(4) - v(q)})); });
    });
  });
  for (const int threads : {1, 2, 3}) check_kernel(nest.finished(), threads);
}

TEST_CASE("streams are peeled to the line, whatever the row's length") {
  for (const std::int64_t n : {1, 7, 16, 45, 129, 1003}) {
    NestBuilder nest("stream");
    const int x = nest.input("x", {3, n}), y = nest.output("y", {3, n});
    const Var r = nest.axis("r", 3), i = nest.axis("i", (n + 15) / 16, Tag::parallel),
              l = nest.axis("l", 16, Tag::vector);
    const Index at = v(i) * 16 + v(l);
    if (n % 16) nest.limit(at, n);
    nest.loop(r, [&] {
      nest.loop(i, [&] {
        nest.loop(l, [&] {
          const ValueRef twice =
              NestBuilder::add(nest.load(x, {v(r), at}), nest.load(x, {v(r), at}));
          nest.store(y, {v(r), at}, twice).stream = true;
        });
      });
    });
    for (const int threads : {1, 2}) check_kernel(nest.finished(), threads);
    if (n < 45 || widest_isa() != Isa::avx512) continue;
    const std::string text = assembly(nest.finished(), Isa::avx512);
    CHECK(text.find("vmovntps\tzmmword") != std::string::npos);
    CHECK(text.find("sfence") != std::string::npos);
  }
}

TEST_CASE("a peeled loop comes in two parts: whole tiles without masks, and the ragged one") {
  for (const std::int64_t n : {5, 16, 45, 1003}) {
    NestBuilder nest("peeled");
    const int x = nest.input("x", {n}), y = nest.output("y", {n});
    const Var i = nest.axis("i", (n + 31) / 32, Tag::parallel), u = nest.axis("u", 2, Tag::unroll),
              l = nest.axis("l", 16, Tag::vector);
    const Index at = v(i) * 32 + v(u) * 16 + v(l);
    nest.limit(at, n, Tail::peel);
    nest.loop(i, [&] {
      nest.loop(u, [&] {
        nest.loop(l, [&] {
          nest.store(y, {at}, NestBuilder::add(nest.load(x, {at}), nest.load(x, {at})));
        });
      });
    });
    for (const int threads : {1, 2}) check_kernel(nest.finished(), threads);
    if (n < 1003 || widest_isa() != Isa::avx512) continue;
    std::istringstream lines(assembly(nest.finished(), Isa::avx512));
    int whole = 0, masked = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.find("vmovups\tzmmword") != std::string::npos)
        ++(line.find("{k") == std::string::npos ? whole : masked);
    CHECK(whole == 2);
    CHECK(masked == 1);  // 1003 = 31 * 32 + 11: the second vector of the tail has no element
  }
}

TEST_CASE("limits of two loops are peeled, one inside the other, and tiles may begin anywhere") {
  for (const std::int64_t m : {7, 8, 21}) {
    NestBuilder nest("tiles");
    const std::int64_t n = 37;
    const int x = nest.input("x", {m, n}), y = nest.output("y", {m, n});
    const Var b = nest.axis("b", (m + 7) / 8), i = nest.axis("i", 2),
              u = nest.axis("u", 4, Tag::unroll), j = nest.axis("j", 3),
              l = nest.axis("l", 16, Tag::vector);
    const Index row = v(b) * 8 + v(i) * 4 + v(u), column = v(j) * 14 + v(l);
    nest.limit(row, m, Tail::peel);  // the last tiles may have no row at all
    nest.limit(column, n, Tail::peel);
    nest.loop(b, [&] {
      nest.loop(j, [&] {
        nest.loop(i, [&] {
          nest.loop(u, [&] {
            nest.loop(l, [&] { nest.store(y, {row, column}, nest.load(x, {row, column})); });
          });
        });
      });
    });
    check_kernel(nest.finished());
  }
}
