// Schedules never change the bits: twenty of one ragged matrix product, and more of one whose sums
// have several canonical blocks, compiled for each Isa and run on one and two threads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "codegen/cpu_device.h"
#include "compiled.h"
#include "golden.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "lower_support.h"
#include "oracle/interpret.h"
#include "oracle/interpret_nest.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Two matrices, their product's naive nest, and the bits that it gives.
class Product {
 public:
  Product(std::int64_t m, std::int64_t k, std::int64_t n) {
    const KernelGraph graph = tenon_test::kernel_of_graph(
        fmt::format("a = input f32[{},{}]\nb = input f32[{},{}]\nc = matmul(a, b)\noutput c\n", m,
                    k, k, n),
        inputs_);
    nest_ = tenon_test::named_naive(graph);
    const auto values = interpret(graph.inputs, inputs_.executor.device());
    const NestRun run = evaluate_nest(nest_, values);
    REQUIRE(run.error == "");
    a_ = floats(values[0]);
    b_ = floats(values[1]);
    wanted_ = floats(run.outputs[0]);
  }

  // What is wrong with the schedule's code, on some Isa and number of threads, or "".
  std::string wrong(const std::string& moves) {
    const Moved moved = apply_all(nest_, parse_schedule(moves, "moves"));
    if (const auto* refused = std::get_if<Refusal>(&moved)) return refused->reason;
    for (const Isa isa : isas()) {
      const FinishedKernel finished = finish(std::get<Kernel>(moved), target(isa));
      const Artifact artifact = compiled(finished, isa);
      for (const int threads : {1, 2}) {
        Device& device = *devices_[threads - 1];
        std::vector<float> c(wanted_.size(), NAN);
        const void* buffers[] = {a_.data(), b_.data(), c.data()};
        device.launch(*device.load(artifact), {const_cast<void* const*>(buffers), 3}, {});
        for (std::size_t i = 0; i < c.size(); i++)
          if (std::bit_cast<std::uint32_t>(c[i]) != std::bit_cast<std::uint32_t>(wanted_[i]))
            return fmt::format("{}, {} threads: element {} is {}, not {}", name(isa), threads, i,
                               c[i], wanted_[i]);
      }
    }
    return "";
  }

 private:
  Inputs inputs_;
  Kernel nest_;
  std::vector<float> a_, b_, wanted_;
  std::unique_ptr<Device> devices_[2] = {cpu_device(1), cpu_device(2)};
};

}  // namespace

TEST_CASE("this machine has every Isa that schedules are compared on") {
  for (const Isa isa : {Isa::avx512, Isa::avx2, Isa::fma128})
    if (isa < widest_isa()) MESSAGE("skipped, for this processor lacks it: " << name(isa));
  CHECK(!isas().empty());
}

TEST_CASE("twenty schedules of a ragged product give equal bits on every Isa") {
  Product product(130, 129, 70);
  for (const std::string moves : {
           // the naive nest, and with one of its loops bound
           "",
           "bind i parallel",
           "bind j parallel   split i -> io i0(13)   bind i0 unroll",
           "bind j vector",
           // the loops in other orders
           "order k i j   split j -> j jv(16)   bind jv vector   bind i parallel",
           "order j k i   split i -> i iv(8) peel   bind iv vector   bind j parallel",
           "order i k j   split j -> jo jv(32) peel   bind jv vector   bind i parallel",
           "split i -> ic i0(32)   split j -> jc j0(14)   order ic jc i0 j0   fuse ic jc -> t   "
           "bind t parallel",
           // register tiles without packing: mask and peel
           "split i -> io i0(4)   split j -> jo jv(16)   order io jo k i0 jv   bind io parallel   "
           "bind i0 unroll   bind jv vector   stage sum at jo in register",
           "split i -> io i0(6) peel   split j -> jo jv(16) peel   order io jo k i0 jv   "
           "bind io parallel   bind i0 unroll   bind jv vector   stage sum at jo in register",
           "split i -> io i0(4) peel   split j -> jo jv(8) peel   order jo io k i0 jv   "
           "bind jo parallel   bind i0 unroll   bind jv vector   stage sum at io in register",
           "split i -> io i0(3) peel   split j -> jo j0(2) jv(8) peel   order jo io k i0 j0 jv   "
           "bind io parallel   bind i0 unroll   bind j0 unroll   bind jv vector   "
           "stage sum at io in register   bind sum.io.jv vector",
           // one operand packed, or both, or with another layout
           "split j -> jo jv(16)   order jo i k jv   bind jv vector   stage b at jo   "
           "bind i parallel   stage sum at i in register",
           "split k -> pc k0(32)   split j -> jo jv(16)   order pc i jo k0 jv   bind jv vector   "
           "stage a at i layout(k0)   bind i parallel   stage sum at jo in register",
           "split k -> pc k0(48)   split i -> ic i0(16) peel   split j -> jo jv(16) peel   "
           "order pc jo ic i0 k0 jv   stage b at jo layout(jv k0)   stage a at ic box   "
           "bind jv vector   bind ic parallel",
           "stage b at root   bind b.root.j parallel   split j -> jo jv(16)   order i jo k jv   "
           "bind jv vector   bind i parallel",
           "split i -> ic i0(10)   split j -> jo jv(16)   order ic jo k i0 jv   "
           "stage a at ic depth 2   stage b at jo   bind ic parallel   bind jv vector   "
           "bind i0 unroll   stage sum at jo in register layout(jv i0)",
           // the schedule of BLIS: masked, peeled, and with every copy a vector
           "split i -> ic ir(4) i0(8)   split j -> jc jr(2) j0(2) jv(16)   split k -> pc k0(64)   "
           "order jc pc ic jr ir k0 i0 j0 jv   stage b at pc   stage a at ic   "
           "stage sum at ir in register   bind ic parallel   bind i0 unroll   bind j0 unroll   "
           "bind jv vector",
           "split i -> ic ir(4) i0(8) peel   split j -> jc jr(2) j0(2) jv(16) peel   "
           "split k -> pc k0(32) peel   order jc pc ic jr ir k0 i0 j0 jv   stage b at pc   "
           "stage a at ic   stage sum at ir in register   bind ic parallel   bind i0 unroll   "
           "bind j0 unroll   bind jv vector   bind b.pc.jv vector   bind b.pc.jr parallel   "
           "bind sum.ir.i0 unroll   bind sum.ir.j0 unroll   bind sum.ir.jv vector",
           "split i -> ic ir(2) i0(6) peel   split j -> jc jr(1) j0(3) jv(8) peel   "
           "split k -> pc k0(64)   order ic pc jc jr ir k0 i0 j0 jv   stage a at pc   "
           "stage b at jc   stage sum at ir in register   bind ic parallel   bind i0 unroll   "
           "bind j0 unroll   bind jv vector   bind b.jc.jv vector   split a.pc.k0 -> k1 kv(16)   "
           "bind a.pc.kv vector   bind a.pc.i0 vector",
       }) {
    CAPTURE(moves);
    CHECK(product.wrong(moves) == "");
  }
}

TEST_CASE("schedules of a product of several blocks a sum give equal bits on every Isa") {
  Product product(21, 2500, 35);
  for (const std::string moves : {
           "bind i parallel",
           // the partial sums of the blocks are computed in parallel, and then added in order
           "splitreduce kb   bind kb parallel",
           "splitreduce kb   bind kb parallel   split j -> jo jv(16)   bind jv vector",
           // the loops of BLIS, one canonical block at a time
           ("split j -> jc jr(2) jv(16) peel   split i -> ic i0(4) peel   "
            "order kb jc ic jr k i0 jv   bind jv vector   bind i0 unroll   stage b at jc   "
            "bind b.jc.jv vector   stage a at ic   bind ic parallel"),
           // the last block has two tiles of its sum, the others have three
           "split k -> ko ki(384)   order kb ko i j ki   bind j vector",
       }) {
    CAPTURE(moves);
    CHECK(product.wrong(moves) == "");
  }
}

TEST_CASE("code that would compile for minutes is refused") {
  Inputs inputs;
  const KernelGraph graph = tenon_test::kernel_of_graph(
      "a = input f32[64,64]\nb = input f32[64,64]\nc = matmul(a, b)\noutput c\n", inputs);
  const Moved moved =
      apply_all(tenon_test::named_naive(graph),
                parse_schedule("bind i vector bind j unroll bind k unroll", "moves"));
  const FinishedKernel kernel = finish(std::get<Kernel>(moved), target(widest_isa()));
  // 64 x 64 copies of the statement. In each, 64 lanes of a are read one by one, and 64 of c read
  // and written; b is read once, and there is an FMA. Before them, c gets its 64 x 64 zeros.
  CHECK(emitted_operations(kernel.kernel) == 64 * 64 * (64 + 2 * 64 + 4 + 4) + 64 * 64);
  const Compiled result = compile(kernel, widest_isa());
  const auto* failure = std::get_if<Refusal>(&result);
  REQUIRE(failure);
  CHECK(failure->reason.starts_with("unrolled and in lanes, the kernel has "));
}
