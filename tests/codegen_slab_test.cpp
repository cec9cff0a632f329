// The artifact is position independent, and holds nothing but code and constants. A kernel that
// cannot be compiled gives a reason.
#include <doctest/doctest.h>

#include <dlfcn.h>
#include <malloc.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "codegen/cpu_device.h"
#include "codegen/llvm/module.h"
#include "compiled.h"
#include "core/error.h"

using namespace tenon;

namespace {

Index v(Var axis) { return Index::var(axis); }

// A kernel whose code has constants, a function, and the body of a parallel loop.
FinishedKernel sines(Tag tag = Tag::parallel) {
  NestBuilder nest("sines");
  const int x = nest.input("x", {64, 16}), y = nest.output("y", {64, 16});
  const Var i = nest.axis("i", 64, tag), l = nest.axis("l", 16, Tag::vector);
  nest.loop(i, [&] {
    nest.loop(l, [&] {
      nest.store(y, {v(i), v(l)},
                 NestBuilder::apply(ScalarOp::sin, Type::f32, {nest.load(x, {v(i), v(l)})}));
    });
  });
  return nest.finished();
}

std::string reason(const Compiled& result) {
  const auto* failed = std::get_if<Refusal>(&result);
  return failed ? failed->reason : "it compiled";
}

std::string failure(const FinishedKernel& kernel) { return reason(compile(kernel, widest_isa())); }

const CompilerModule& module() {
  void* library = dlopen("tenon_llvm.so", RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
  const auto* door = static_cast<const CompilerModule*>(dlsym(library, "tenon_llvm_module"));
  REQUIRE(door != nullptr);
  return *door;
}

}  // namespace

TEST_CASE("the slab is the same wherever it is laid out") {
  for (const Isa isa : isas()) {
    const std::string object = print(finished(sines(), isa), isa, Output::object);
    const Compiled low = module().lay_out(object, 0x10'0000);
    const Compiled high = module().lay_out(object, 0x7fab'1234'5000);
    REQUIRE(std::holds_alternative<Artifact>(low));
    REQUIRE(std::holds_alternative<Artifact>(high));
    CHECK(std::get<Artifact>(low).code == std::get<Artifact>(high).code);
    CHECK(std::get<Artifact>(low).entry == std::get<Artifact>(high).entry);
    CHECK(std::get<Artifact>(low).code == compiled(sines(), isa).code);
    CHECK(std::get<Artifact>(low).entry == 0);  // a debugger's symbol begins there
  }
}

TEST_CASE("objects that are not code alone are failures that say so") {
  const auto failure_of = [](const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::string object(std::istreambuf_iterator<char>(file), {});
    return reason(module().lay_out(object, 0x10'0000));
  };
  CHECK(failure_of(TENON_UNDEFINED_SYMBOL) == "Symbols not found: [ not_there ]");
  CHECK(failure_of(TENON_WRITTEN_DATA) == "the code has data that would have to be written");
  CHECK(failure_of("/dev/null") != "it compiled");
}

TEST_CASE("kernels compiled by several threads at once are those of one thread") {
  const auto kernel = [](int number) {
    NestBuilder nest("k" + std::to_string(number));
    const int x = nest.input("x", {64, 16}), y = nest.output("y", {64, 16});
    const Var i = nest.axis("i", 64, number % 2 == 0 ? Tag::parallel : Tag::serial);
    const Var l = nest.axis("l", 16, number % 3 == 0 ? Tag::unroll : Tag::vector);
    nest.loop(i, [&] {
      nest.loop(l, [&] {
        ValueRef value = nest.load(x, {v(i), v(l)});
        for (int depth = 0; depth <= number % 4; ++depth)
          value = NestBuilder::apply(ScalarOp::sin, Type::f32, {value});
        nest.store(y, {v(i), v(l)}, value);
      });
    });
    return nest.finished();
  };
  std::vector<FinishedKernel> kernels;
  for (int number = 0; number < 24; ++number) kernels.push_back(kernel(number));
  kernels.push_back(sines(Tag::grid));  // fails
  const auto text = [](const Compiled& compiled) {
    const auto* artifact = std::get_if<Artifact>(&compiled);
    if (!artifact) return reason(compiled);
    return artifact->name + " " + std::to_string(artifact->entry) + " " + artifact->code;
  };
  std::vector<std::string> alone;
  for (const FinishedKernel& each : kernels) alone.push_back(text(compile(each, widest_isa())));

  std::vector<std::vector<std::string>> together(4);
  {
    std::vector<std::jthread> threads;
    for (std::vector<std::string>& results : together)
      threads.emplace_back([&] {
        for (const FinishedKernel& each : kernels)
          results.push_back(text(compile(each, widest_isa())));
      });
  }
  for (const std::vector<std::string>& results : together) CHECK(results == alone);
  CHECK(alone.front().starts_with("k0 "));
  CHECK(alone.back() == "loop i is bound to grid, which a CPU does not have");
}

TEST_CASE("compiling leaves nothing behind") {
  const FinishedKernel kernel = sines();
  std::ifstream file(TENON_UNDEFINED_SYMBOL, std::ios::binary);
  const std::string broken(std::istreambuf_iterator<char>(file), {});
  const auto bytes_after = [&](int times) {
    for (int time = 0; time < times; ++time) {
      compiled(kernel, widest_isa());
      (void)module().lay_out(broken, 0x10'0000);
    }
    return mallinfo2().uordblks;
  };
  const std::size_t before = bytes_after(10);
  CHECK(bytes_after(40) <= before + 4000);
}

TEST_CASE("the intermediate forms can be read") {
  CHECK(print(sines(), widest_isa(), Output::ir).find("define void @kernel(") != std::string::npos);
  CHECK(assembly(sines(), widest_isa()).find("vfmadd") != std::string::npos);
  CHECK(cpu_backend().version.starts_with("LLVM "));
}

TEST_CASE("what a CPU cannot run is a failure that says so") {
  CHECK(failure(sines(Tag::grid)) == "loop i is bound to grid, which a CPU does not have");
  CHECK(failure(sines(Tag::warp)) == "loop i is bound to warp, which a CPU does not have");
  CHECK(failure(sines(Tag::lane)) == "loop i is bound to lane, which a CPU does not have");
  CHECK(failure(sines(Tag::mma)) == "loop i is bound to mma, which a CPU does not have");
}

TEST_CASE("register tensors that do not fit are a failure, not a huge stack") {
  NestBuilder nest("huge");
  const int x = nest.input("x", {100'000}), y = nest.output("y", {100'000}),
            held = nest.registers("held", {100'000});
  const Var i = nest.axis("i", 100'000), j = nest.axis("j", 100'000);
  nest.loop(i, [&] { nest.store(held, {v(i)}, nest.load(x, {v(i)})); });
  nest.loop(j, [&] { nest.store(y, {v(j)}, nest.load(held, {v(j)})); });
  CHECK(failure(nest.finished()).find("take 400000 bytes of stack; at most") != std::string::npos);
}

TEST_CASE("a body unrolled without end is a failure") {
  NestBuilder nest("unrolled");
  const int y = nest.output("y", {1000, 1000});
  const Var i = nest.axis("i", 1000, Tag::unroll), j = nest.axis("j", 1000, Tag::unroll);
  nest.loop(i,
            [&] { nest.loop(j, [&] { nest.store(y, {v(i), v(j)}, NestBuilder::constant(1)); }); });
  CHECK(failure(nest.finished()).find("unrolled and in lanes, the kernel has 1000000 operations") ==
        0);
}

TEST_CASE("memory: no bytes, many bytes, too many bytes, and blocks that come back") {
  const auto device = cpu_device(1);
  CHECK(device->allocate(0)->host != nullptr);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100'000}, std::size_t{5'000'000}}) {
    BufferRef buffer = device->allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer->host) % 64 == 0);
    std::memset(buffer->host, 1, bytes);
    void* const first = buffer->host;
    buffer.reset();
    CHECK(device->allocate(bytes)->host == first);
  }
  CHECK_THROWS_WITH_AS(device->allocate(std::size_t{1} << 60),
                       doctest::Contains("a buffer of 1152921504606846976 bytes was asked for"),
                       Error);
}

TEST_CASE("buffers outlive their device") {
  BufferRef buffer;
  {
    const auto device = cpu_device(1);
    buffer = device->allocate(1000);
  }
  std::memset(buffer->host, 1, 1000);
}

TEST_CASE("an artifact without an entry is refused") {
  const auto device = cpu_device(1);
  CHECK_THROWS_WITH_AS(device->load(Artifact{.code = "", .entry = 0}),
                       "a kernel's code is 0 bytes long and has no entry", Error);
}
