// Statements of every kind, compiled for each Isa and compared bit by bit with the interpreter of
// nests. Arguments lie between guard zones, which must stay as they are.
#include <doctest/doctest.h>

#include "checked_kernel.h"
#include "compiled.h"

using namespace tenon;

namespace {

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

TEST_CASE("a cast to i32 converts a vector at once") {
  for (const Isa isa : isas()) {
    const std::string code = assembly(map(ScalarOp::cast, Type::i32, {Type::f32}), isa);
    CHECK(code.find("vcvttps2dq") != std::string::npos);
    CHECK(code.find("vcvttss2si") == std::string::npos);
  }
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

TEST_CASE("a gather on AVX2 has no branch for each lane") {
  NestBuilder nest("lookup");
  const int index = nest.input("index", {80}, Type::i32), table = nest.input("table", {60}),
            y = nest.output("y", {80});
  const Var o = nest.axis("o", 10), l = nest.axis("l", 8, Tag::vector);
  nest.loop(o, [&] {
    nest.loop(l, [&] {
      const Index at = v(o) * 8 + v(l);
      nest.store(y, {at}, nest.gather(table, {0}, 0, nest.load(index, {at})));
    });
  });
  check_kernel(nest.finished(), 1, true);
  const std::string text = assembly(nest.finished(), Isa::avx2);
  int jumps = 0;
  for (std::size_t at = 0; (at = text.find("\tj", at)) != std::string::npos; ++at) ++jumps;
  CHECK(jumps <= 2);  // those of the loop
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
        nest.store(y, {v(r)}, NestBuilder::value(Fold{{part, {0}, 0}, 64, how}, Type::f32));
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

TEST_CASE("masked lanes a few elements apart are read as whole vectors, without a gather") {
  NestBuilder nest("strided");
  const int x = nest.input("x", {33}), y = nest.output("y", {3, 16});
  const Var r = nest.axis("r", 3), l = nest.axis("l", 16, Tag::vector);
  const Index at = v(l) * 2 + v(r) - 1;
  nest.loop(r, [&] {
    nest.loop(l, [&] { nest.store(y, {v(r), v(l)}, nest.load(x, {at}, {{at, 0, 32}}, 2)); });
  });
  check_kernel(nest.finished());
  CHECK(assembly(nest.finished(), widest_isa()).find("gather") == std::string::npos);
}

TEST_CASE("a masked read that may be far from its buffer goes to the buffer's beginning") {
  NestBuilder nest("joined");
  const int x = nest.input("x", {5000}), y = nest.output("y", {20000});
  const Var o = nest.axis("o", 1250), l = nest.axis("l", 16, Tag::vector);
  const Index at = v(o) * 16 + v(l) - 10000;
  nest.loop(o, [&] {
    nest.loop(l,
              [&] { nest.store(y, {v(o) * 16 + v(l)}, nest.load(x, {at}, {{at, 0, 5000}}, 0)); });
  });
  check_kernel(nest.finished());
  CHECK(assembly(nest.finished(), widest_isa()).find("cmov") != std::string::npos);
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
