// Statements of every kind, compiled for each Isa and compared bit by bit with the interpreter of
// nests. Arguments lie between guard zones, which must stay as they are.
#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <random>
#include <sstream>

#include "codegen/cpu_device.h"
#include "compiled.h"
#include "nest_interpreter.h"

using namespace tenon;

namespace {

Index v(Var axis) { return Index::var(axis); }

constexpr std::size_t guard = 256;  // bytes on both sides
constexpr unsigned char untouched = 0xa5;

void put(Type type, double value, unsigned char* to) {
  if (type == Type::f32) {
    const auto x = static_cast<float>(value);
    std::memcpy(to, &x, 4);
  } else if (type == Type::i32) {
    const auto x = static_cast<std::int32_t>(value);
    std::memcpy(to, &x, 4);
  } else {
    *to = value != 0;
  }
}

// Values that provoke: zeros of both signs, infinities, NaN, integers around the limits.
double sample(Type type, std::mt19937& random) {
  if (type == Type::boolean) return random() % 2;
  if (type == Type::i32) {
    const double special[] = {0, 1, -1, 2147483647, -2147483648.0, 7, -7, 31, 32};
    const auto pick = random() % 24;
    return pick < 9 ? special[pick] : static_cast<std::int32_t>(random()) % 100;
  }
  const float special[] = {0.F, -0.F, INFINITY, -INFINITY, NAN, 1e30F, -3e9F, 1e-42F};
  const auto pick = random() % 32;
  return pick < 8 ? special[pick] : static_cast<float>(static_cast<int>(random()) % 1000) / 16;
}

// Compiles and runs the kernel on random inputs; true where all arguments end as they should.
void check_kernel(const FinishedKernel& kernel, int threads = 1, bool finite = false) {
  const auto& tensors = kernel.kernel.tensors;
  std::mt19937 random(7);
  std::vector<std::vector<double>> memory(tensors.size());
  NestInterpreter interpreter(kernel.kernel, memory);
  std::vector<std::vector<unsigned char>> start(tensors.size());
  for (std::size_t t = 0; t < tensors.size(); t++) {
    if (tensors[t].where != Where::argument) continue;
    const auto bytes = static_cast<std::size_t>(info(tensors[t].type).bytes);
    start[t].assign(memory[t].size() * bytes + 2 * guard, untouched);
    for (std::size_t i = 0; i < memory[t].size(); i++) {
      double& value = memory[t][i];
      do value = sample(tensors[t].type, random);
      while (finite && !std::isfinite(value));
      put(tensors[t].type, value, &start[t][guard + i * bytes]);
    }
  }
  interpreter.run();
  auto wanted = start;
  for (std::size_t t = 0; t < tensors.size(); t++) {
    for (std::size_t i = 0; i < memory[t].size() && !start[t].empty(); i++)
      put(tensors[t].type, memory[t][i], &wanted[t][guard + i * info(tensors[t].type).bytes]);
  }
  for (const Isa isa : isas()) {
    CAPTURE(name(isa));
    auto got = start;
    std::vector<void*> buffers;
    for (auto& bytes : got) {
      if (!bytes.empty()) buffers.push_back(bytes.data() + guard);
    }
    CpuDevice device(threads);
    device.launch(*device.load(compiled(kernel, isa)), buffers, {});
    for (std::size_t t = 0; t < tensors.size(); t++) {
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < got[t].size(); i++) wrong += got[t][i] != wanted[t][i];
      if (wrong > 0 && tensors[t].type == Type::f32) {  // all NaNs are equal
        for (std::size_t i = 0; i + 4 <= got[t].size(); i += 4) {
          float a, b;
          std::memcpy(&a, &got[t][i], 4);
          std::memcpy(&b, &wanted[t][i], 4);
          if (!std::isnan(a) || !std::isnan(b)) continue;
          for (std::size_t j = i; j < i + 4; j++) wrong -= got[t][j] != wanted[t][j];
        }
      }
      CAPTURE(tensors[t].name);
      CHECK(wrong == 0);
    }
  }
}

// y = op(a, b, c), element by element, in vectors of 16 with a masked tail.
FinishedKernel map(ScalarOp op, Type result, const std::vector<Type>& types) {
  constexpr std::int64_t n = 1003;
  NestBuilder nest("map");
  std::vector<ValueRef> operands;
  const Var i = nest.axis("i", 63), lane = nest.axis("lane", 16, Tag::vector);
  const Index at = v(i) * 16 + v(lane);
  nest.limit(at, n);
  for (const Type type : types) operands.push_back(nest.load(nest.input("x", {n}, type), {at}));
  const int y = nest.output("y", {n}, result);
  nest.loop(i, [&] {
    nest.loop(lane, [&] { nest.store(y, {at}, NestBuilder::apply(op, result, operands)); });
  });
  return nest.finished();
}

}  // namespace

TEST_CASE("scalar operations mean the same compiled and interpreted") {
  constexpr Type f = Type::f32, i = Type::i32, b = Type::boolean;
  using enum ScalarOp;
  for (const ScalarOp op : {add, mul, div, max}) {
    CAPTURE(info(op).name);
    check_kernel(map(op, f, {f, f}));
  }
  for (const ScalarOp op : {add, mul, max, idiv, mod, bit_and, bit_or, bit_xor, shl, shr}) {
    CAPTURE(info(op).name);
    check_kernel(map(op, i, {i, i}));
  }
  for (const ScalarOp op : {max, bit_and, bit_or, bit_xor}) check_kernel(map(op, b, {b, b}));
  for (const ScalarOp op : {lt, eq}) {
    for (const Type type : {f, i, b}) check_kernel(map(op, b, {type, type}));
  }
  for (const Type type : {f, i, b}) check_kernel(map(where, type, {b, type, type}));
  for (const Type from : {f, i, b}) {
    for (const Type to : {f, i, b}) check_kernel(map(cast, to, {from}));
  }
  check_kernel(map(sqrt, f, {f}));
  check_kernel(map(bitcast, i, {f}), 1, true);
}

TEST_CASE("strides: reversed, by two, by a column, uniform") {
  NestBuilder nest("strides");
  const int x = nest.input("x", {40}), m = nest.input("m", {16, 16}), y = nest.output("y", {5, 16}),
            z = nest.output("z", {16, 16});
  const Var l = nest.axis("l", 16, Tag::vector), r = nest.axis("r", 16);
  nest.loop(l, [&] {
    nest.store(y, {0, v(l)}, nest.load(x, {Index(39) - v(l)}));
    nest.store(y, {1, v(l)}, nest.load(x, {v(l) * 2 + 3}));
    nest.store(y, {2, v(l)}, nest.load(m, {v(l), 5}));
    nest.store(y, {3, v(l)}, nest.load(x, {7}));
    nest.store(y, {4, Index(15) - v(l)}, nest.load(x, {v(l)}));
  });
  nest.loop(
      r, [&] { nest.loop(l, [&] { nest.store(z, {v(l), v(r)}, nest.load(m, {v(r), v(l)})); }); });
  check_kernel(nest.finished());
}

TEST_CASE("quotients and remainders, uniform and between lanes") {
  NestBuilder nest("division");
  const int x = nest.input("x", {6, 10}), y = nest.output("y", {60}),
            z = nest.output("z", {60}, Type::i32);
  const Var i = nest.axis("i", 4), l = nest.axis("l", 15, Tag::vector);
  const Index flat = v(i) * 15 + v(l);
  const VarBounds of = [](Var) { return Bounds{0, 14}; };
  nest.loop(i, [&] {
    nest.loop(l, [&] {
      nest.store(y, {flat}, nest.load(x, {floordiv(flat, 10, of), mod(flat, 10, of)}));
      nest.store(z, {flat},
                 NestBuilder::value(IndexValue{floordiv(v(i) * 7 - v(l), 3, of)}, Type::i32));
    });
  });
  check_kernel(nest.finished());
}

TEST_CASE("loads outside their ranges read the fill") {
  NestBuilder nest("padding");
  const int x = nest.input("x", {20}), y = nest.output("y", {3, 32});
  const Var r = nest.axis("r", 3), l = nest.axis("l", 32, Tag::vector);
  nest.loop(r, [&] {
    nest.loop(l, [&] {
      const Index at = v(l) + v(r) * 3 - 4;
      nest.store(y, {v(r), v(l)}, nest.load(x, {at}, {{at, 0, 20}}, 1.5));
    });
  });
  check_kernel(nest.finished());

  NestBuilder uniform("uniform");
  const int u = uniform.input("u", {4, 16}), w = uniform.output("w", {8, 16});
  const Var row = uniform.axis("row", 8), lane = uniform.axis("lane", 16, Tag::vector);
  const Index from = v(row) - 2;
  const std::vector<Range> rows = {{from, 0, 4}};
  uniform.loop(row, [&] {
    uniform.loop(lane, [&] {
      uniform.store(w, {v(row), v(lane)},
                    NestBuilder::add(uniform.load(u, {from, v(lane)}, rows, -1),
                                     uniform.load(u, {from, 3}, rows, 8)));
    });
  });
  check_kernel(uniform.finished());
}

TEST_CASE("conditions on items become branches and masks") {
  NestBuilder nest("when");
  const int x = nest.input("x", {9, 24}), y = nest.output("y", {9, 24});
  const Var r = nest.axis("r", 9), l = nest.axis("l", 24, Tag::vector);
  nest.loop(r, [&] {
    nest.loop(l, [&] {
      nest.store(y, {v(r), v(l)}, nest.load(x, {v(r), v(l)}), {{v(r), 2, 7}, {v(l), 3, 20}});
      nest.store(y, {v(r), v(l)}, NestBuilder::constant(4), {{v(l) - v(r), 0, 5}});
    });
  });
  check_kernel(nest.finished());
}

TEST_CASE("computed positions: gather reads 0 outside, scatter stores nothing") {
  NestBuilder nest("gather");
  const int index = nest.input("index", {50}, Type::i32), table = nest.input("table", {60, 3}),
            y = nest.output("y", {50, 3}), hits = nest.output("hits", {60, 2});
  const Var i = nest.axis("i", 50), c = nest.axis("c", 3, Tag::vector),
            l = nest.axis("l", 10, Tag::vector), o = nest.axis("o", 5);
  nest.loop(i, [&] {
    nest.loop(c, [&] {
      nest.store(y, {v(i), v(c)}, nest.gather(table, {0, v(c)}, 0, nest.load(index, {v(i)})));
    });
  });
  nest.loop(o, [&] {
    nest.loop(l, [&] {
      const Index at = v(o) * 10 + v(l);
      nest.store(y, {at, 1}, nest.gather(table, {0, 2}, 0, nest.load(index, {at})));
    });
  });
  nest.loop(i, [&] {
    Store& store = nest.accumulate(hits, {0, 1}, NestBuilder::constant(1));
    store.computed_axis = 0;
    store.computed = nest.load(index, {v(i)});
  });
  check_kernel(nest.finished(), 1, true);
}

TEST_CASE("partial sums are folded by halving, in registers and in memory") {
  for (const bool in_registers : {true, false}) {
    for (const Combine how : {Combine::sum, Combine::max}) {
      NestBuilder nest("fold");
      const int x = nest.input("x", {5, 640}), y = nest.output("y", {5}),
                part = in_registers ? nest.registers("part", {64}) : nest.heap("part", {64});
      const Var r = nest.axis("r", 5), k = nest.axis("k", 10), l = nest.axis("l", 64, Tag::vector);
      nest.loop(r, [&] {
        nest.loop(l, [&] {
          nest.store(part, {v(l)}, NestBuilder::constant(how == Combine::sum ? 0 : -INFINITY));
        });
        nest.loop(k, [&] {
          nest.loop(l, [&] {
            nest.accumulate(part, {v(l)}, nest.load(x, {v(r), v(k) * 64 + v(l)}), nullptr, how);
          });
        });
        nest.store(y, {v(r)}, NestBuilder::value(Fold{part, {}, 64, how}, Type::f32));
      });
      check_kernel(nest.finished(), 1, true);
    }
  }
}

TEST_CASE("vectors of any length, longer and shorter than a register") {
  for (const std::int64_t lanes : {2, 3, 5, 16, 24, 37, 64}) {
    NestBuilder nest("lengths");
    const int x = nest.input("x", {4, lanes}), y = nest.output("y", {4, lanes}),
              held = nest.registers("held", {lanes});
    const Var r = nest.axis("r", 4), l = nest.axis("l", lanes, Tag::vector);
    nest.loop(r, [&] {
      nest.loop(l, [&] { nest.store(held, {v(l)}, nest.load(x, {v(r), v(l)})); });
      nest.loop(l, [&] {
        nest.store(y, {v(r), v(l)},
                   NestBuilder::add(nest.load(held, {v(l)}), nest.load(held, {0})));
      });
    });
    check_kernel(nest.finished());
  }
}

TEST_CASE("a register tensor that is indexed by a loop becomes an array on the stack") {
  NestBuilder nest("stack");
  const int x = nest.input("x", {100}), y = nest.output("y", {100}),
            held = nest.registers("h", {100});
  const Var i = nest.axis("i", 100), j = nest.axis("j", 100);
  nest.loop(i, [&] { nest.store(held, {v(i)}, nest.load(x, {v(i)})); });
  nest.loop(j, [&] { nest.store(y, {v(j)}, nest.load(held, {Index(99) - v(j)})); });
  check_kernel(nest.finished());
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
    CHECK(masked == 1);  // 1003 = 31 * 32 + 11: of the second vector no lane is there
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
    nest.limit(row, m, Tail::peel);  // its last tiles may have no row at all
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

TEST_CASE("a prefetch compiles to one instruction a line and changes nothing") {
  NestBuilder nest("prefetch");
  const int x = nest.input("x", {10, 64}), y = nest.output("y", {10, 64});
  const Var r = nest.axis("r", 10), l = nest.axis("l", 64, Tag::vector);
  nest.loop(r, [&] {
    nest.loop(l, [&] {
      nest.prefetch(x, {v(r) + 1, v(l)});
      nest.store(y, {v(r), v(l)}, nest.load(x, {v(r), v(l)}));
    });
  });
  check_kernel(nest.finished());
  const std::string text = assembly(nest.finished(), widest_isa());
  std::size_t found = 0;
  for (auto at = text.find("prefetcht0"); at != std::string::npos;
       at = text.find("prefetcht0", at + 1))
    found++;
  CHECK(found == (widest_isa() == Isa::fma128 ? 16 : 4));
}

TEST_CASE("lanes a few elements apart are read as whole vectors, up to the last element") {
  for (const std::int64_t stride : {2, 3, 4, 5}) {
    NestBuilder nest("columns");
    const int x = nest.input("x", {64, stride}), y = nest.output("y", {stride, 64});
    const Var c = nest.axis("c", stride, Tag::unroll), l = nest.axis("l", 64, Tag::vector);
    nest.loop(
        c, [&] { nest.loop(l, [&] { nest.store(y, {v(c), v(l)}, nest.load(x, {v(l), v(c)})); }); });
    check_kernel(nest.finished());
    const std::string text = assembly(nest.finished(), widest_isa());
    CHECK((text.find("vmovss") == std::string::npos) == (stride < 5));
  }
}
