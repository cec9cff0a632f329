// The artifact: position independent, and nothing but code; and what cannot be compiled says why.
#include <doctest/doctest.h>

#include <dlfcn.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "codegen/cpu_device.h"
#include "codegen/llvm/module.h"
#include "compiled.h"
#include "core/error.h"

using namespace tenon;

namespace {

Index v(Var axis) { return Index::var(axis); }

// Has constants, a function, and the body of a parallel loop.
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
  const auto* failed = std::get_if<CompileFailure>(&result);
  return failed ? failed->reason : "it compiled";
}

std::string failure(const FinishedKernel& kernel) { return reason(compile(kernel, widest_isa())); }

const CompilerModule& module() {
  void* library = dlopen("tenon_llvm.so", RTLD_NOW | RTLD_LOCAL);
  REQUIRE(library != nullptr);
  const auto door =
      reinterpret_cast<decltype(&tenon_llvm_module)>(dlsym(library, "tenon_llvm_module"));
  REQUIRE(static_cast<bool>(door));
  return *door();
}

}  // namespace

TEST_CASE("the slab is the same wherever it is laid out") {
  for (const Isa isa : isas()) {
    const std::string object = module().print(sines(), isa, Output::object);
    const Compiled low = module().lay_out(object, 0x10'0000);
    const Compiled high = module().lay_out(object, 0x7fab'1234'5000);
    REQUIRE(std::holds_alternative<Artifact>(low));
    REQUIRE(std::holds_alternative<Artifact>(high));
    CHECK(std::get<Artifact>(low).code == std::get<Artifact>(high).code);
    CHECK(std::get<Artifact>(low).entry == std::get<Artifact>(high).entry);
    CHECK(std::get<Artifact>(low).code == compiled(sines(), isa).code);
  }
}

TEST_CASE("an undefined symbol is a failure that names it") {
  std::ifstream file(TENON_UNDEFINED_SYMBOL, std::ios::binary);
  const std::string object(std::istreambuf_iterator<char>(file), {});
  REQUIRE_FALSE(object.empty());
  CHECK(reason(module().lay_out(object, 0x10'0000)) ==
        "the code calls what it does not contain: not_there");
}

TEST_CASE("the intermediate forms can be read") {
  CHECK(print(sines(), widest_isa(), Output::ir).find("define void @kernel(") != std::string::npos);
  CHECK(assembly(sines(), widest_isa()).find("vfmadd") != std::string::npos);
  CHECK(compiler_version().starts_with("LLVM "));
}

TEST_CASE("what a CPU cannot run is a failure that says so") {
  CHECK(failure(sines(Tag::grid)) == "loop i is bound to grid, which a CPU does not have");
  CHECK(failure(sines(Tag::warp)) == "loop i is bound to warp, which a CPU does not have");
  CHECK(failure(sines(Tag::lane)) == "loop i is bound to lane, which a CPU does not have");
  CHECK(failure(sines(Tag::mma)) == "loop i is bound to mma, which a CPU does not have");
  FinishedKernel shared = sines();
  shared.kernel.tensors.push_back(
      {.name = "tile", .type = Type::f32, .extents = {4}, .where = Where::shared});
  shared.placement.push_back({});
  CHECK(failure(shared) == "tensor tile is staged in shared memory, which a CPU does not have");
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
  CHECK(failure(nest.finished()).find("unrolled, the kernel has 1000000 statements") == 0);
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
