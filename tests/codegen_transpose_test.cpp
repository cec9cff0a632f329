// Copies that transpose a block in registers: right for all rectangles and tails, and without a
// scalar move.
#include <doctest/doctest.h>

#include "codegen/cpu_device.h"
#include "compiled.h"

using namespace tenon;

namespace {

Index v(Var axis) { return Index::var(axis); }

// y[c, r] = x[r, c] in blocks of rows by columns.
FinishedKernel transpose(std::int64_t n, std::int64_t m, std::int64_t rows, std::int64_t columns) {
  NestBuilder nest("transpose");
  const int x = nest.input("x", {n, m}), y = nest.output("y", {m, n});
  const Var ro = nest.axis("ro", (n + rows - 1) / rows);
  const Var co = nest.axis("co", (m + columns - 1) / columns);
  const Var ri = nest.axis("ri", rows, Tag::vector), ci = nest.axis("ci", columns, Tag::vector);
  const Index row = v(ro) * rows + v(ri), column = v(co) * columns + v(ci);
  if (n % rows) nest.limit(row, n);
  if (m % columns) nest.limit(column, m);
  nest.loop(ro, [&] {
    nest.loop(co, [&] {
      nest.loop(ri, [&] {
        nest.loop(ci, [&] { nest.store(y, {column, row}, nest.load(x, {row, column})); });
      });
    });
  });
  return nest.finished();
}

int count(const std::string& text, std::string_view word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) found++;
  return found;
}

}  // namespace

TEST_CASE("blocks of all shapes are transposed, tails included") {
  const auto device = cpu_device(1);
  for (const Isa isa : isas()) {
    for (const std::int64_t rows : {2, 4, 8, 16, 32}) {
      for (const std::int64_t columns : {2, 4, 8, 16, 32}) {
        for (const auto& [n, m] : {std::pair<std::int64_t, std::int64_t>{64, 32}, {37, 45}}) {
          const auto program = device->load(compiled(transpose(n, m, rows, columns), isa));
          std::vector<float> x(n * m), y(n * m, -1);
          for (std::int64_t i = 0; i < n * m; i++) x[i] = static_cast<float>(i);
          void* const buffers[] = {x.data(), y.data()};
          device->launch(*program, buffers, {});
          std::int64_t wrong = 0;
          for (std::int64_t i = 0; i < n * m; i++) wrong += y[i] != x[i % n * m + i / n];
          CAPTURE(name(isa));
          CAPTURE(rows);
          CAPTURE(columns);
          CAPTURE(n);
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("a block of 16 x 16 takes 16 loads, 64 shuffles and 16 stores") {
  if (widest_isa() != Isa::avx512) return;
  const std::string text = assembly(transpose(16, 16, 16, 16), Isa::avx512);
  CHECK(count(text, "vunpck") + count(text, "vshuf") + count(text, "vinsert") +
            count(text, "vextract") + count(text, "vperm") ==
        64);
  // 16 loads, some of them operands of other instructions, and 16 stores. Before the loop two more
  // loads get the lists of lanes for vpermt2pd.
  CHECK(count(text, "zmmword ptr") == 34);
  CHECK(count(text, "zmmword ptr [rip") == 2);
  CHECK(count(text, "vmovss") == 0);
  CHECK(count(text, "vmovd") == 0);
}

TEST_CASE("a block of 8 rows of 16, as packing makes it, has no scalar moves") {
  if (widest_isa() != Isa::avx512) return;
  const std::string text = assembly(transpose(8, 16, 8, 16), Isa::avx512);
  CHECK(count(text, "vmovss") == 0);
  CHECK(count(text, "vpgather") + count(text, "vgather") == 0);
  CHECK(count(text, "vpinsr") + count(text, "vpextr") == 0);
}
