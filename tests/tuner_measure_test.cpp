// Measurement with faults that the test plants: a device that runs real code and then spoils what
// one of the programs wrote. No test looks at how long something takes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codegen/cpu_backend.h"
#include "lower/fusion.h"
#include "lower/naive.h"
#include "lower/rules.h"
#include "lower_support.h"
#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "tuner/search/candidates.h"
#include "tuner/search/measure.h"

using namespace tenon;
using tenon_test::Inputs;

namespace {

// The CPU's device. A program may have a fault, which then launches the program and spoils the
// arguments. Programs are numbered from 0 in the order in which they are loaded.
class FaultyDevice final : public Device {
 public:
  using Arguments = std::span<void* const>;
  using Fault = std::function<void(const std::function<void()>& launch, Arguments)>;

  explicit FaultyDevice(std::unique_ptr<Device> sound) : sound_(std::move(sound)) {}

  BufferRef allocate(std::size_t bytes) override { return sound_->allocate(bytes); }
  void read(const Buffer& from, void* to) override { sound_->read(from, to); }
  void write(Buffer& to, const void* from) override { sound_->write(to, from); }
  void copy(const Buffer& from, Buffer& to) override { sound_->copy(from, to); }
  ProgramRef load(const Artifact& artifact) override {
    ProgramRef program = sound_->load(artifact);
    programs_.push_back(program);
    return program;
  }
  void launch(const Program& program, Arguments arguments,
              std::span<const std::int64_t> sizes) override {
    std::size_t number = 0;
    while (programs_[number].get() != &program) ++number;
    const auto launch = [&] { sound_->launch(program, arguments, sizes); };
    if (const auto fault = faults.find(number); fault != faults.end())
      fault->second(launch, arguments);
    else
      launch();
  }

  std::map<std::size_t, Fault> faults;  // by the program's number

 private:
  std::unique_ptr<Device> sound_;
  std::vector<ProgramRef> programs_;
};

// A kernel, a backend with a faulty device, and the measurement of the kernel. Schedule n is
// program n, if all schedules compile.
struct Bench {
  explicit Bench(const Tensor& wanted, Inputs& in) {
    const auto kernels = fusion(apply_rules(std::vector{wanted.node()}, in.executor.nodes()));
    REQUIRE(kernels.size() == 1);
    kernel = naive(kernels[0]);
    untuned = print(tenon::untuned(Space{kernel, backend.target, backend.machine}).moves);
    auto faulty = std::make_unique<FaultyDevice>(std::move(backend.device));
    device = faulty.get();
    backend.device = std::move(faulty);
    measurement.emplace(backend, kernels[0]);
  }
  Bench(const Bench&) = delete;

  // The place of the first argument of this kind.
  std::size_t argument(const std::function<bool(const KernelTensor&)>& is_wanted) const {
    std::size_t place = 0;
    for (const KernelTensor& tensor : kernel.tensors) {
      if (tensor.where != Where::argument) continue;
      if (is_wanted(tensor)) return place;
      ++place;
    }
    FAIL("no such argument");
    return place;
  }

  // Program `number` launches, and then `spoil` is called with its output.
  void spoil(std::size_t number, std::function<void(char* output)> spoil) {
    const std::size_t place = argument([](const KernelTensor& tensor) { return tensor.is_output; });
    device->faults[number] = [=](const std::function<void()>& launch,
                                 FaultyDevice::Arguments arguments) {
      launch();
      spoil(static_cast<char*>(arguments[place]));
    };
  }

  Backend backend = cpu_backend(1);
  FaultyDevice* device = nullptr;
  Kernel kernel;
  std::string untuned;
  std::optional<Measurement> measurement;
};

constexpr std::size_t elements_of_product = 24 * 40;

struct ProductBench : Bench {
  explicit ProductBench(Inputs in = {})
      : Bench(matmul(in.floats({24, 16}), in.floats({16, 40})), in) {}
};

// Adds one to the byte at the offset.
auto at_byte(std::ptrdiff_t offset) {
  return [=](char* output) { ++output[offset]; };
}
// Makes the first element a NaN with these low bits.
auto with_nan(std::uint32_t payload) {
  return [=](char* output) {
    const std::uint32_t bits = 0x7fc00000U | payload;
    std::memcpy(output, &bits, sizeof bits);
  };
}

const std::string outside = "it writes outside of its buffers";
const std::string other_bits = "its result has other bits";

}  // namespace

TEST_CASE("sound schedules pass") {
  ProductBench bench;
  REQUIRE_FALSE(bench.untuned.empty());
  CHECK(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  CHECK(bench.measurement->prepare(1, "") == std::nullopt);
  CHECK(bench.measurement->prepare(2, bench.untuned) == std::nullopt);
}

TEST_CASE("a write outside of a buffer is found, and the next schedule starts anew") {
  ProductBench bench;
  const std::ptrdiff_t end = elements_of_product * sizeof(float);
  int number = 0;
  REQUIRE(bench.measurement->prepare(number++, bench.untuned) == std::nullopt);
  for (const std::ptrdiff_t offset : {std::ptrdiff_t{-1}, end, std::ptrdiff_t{-4096}, end + 4095}) {
    CAPTURE(offset);
    bench.spoil(number, at_byte(offset));
    CHECK(bench.measurement->prepare(number++, "") == outside);
    CHECK(bench.measurement->prepare(number++, "") == std::nullopt);
  }
}

TEST_CASE("a write outside of an input is found") {
  ProductBench bench;
  const std::size_t place =
      bench.argument([](const KernelTensor& tensor) { return !tensor.is_output; });
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  bench.device->faults[1] = [&](const auto& launch, FaultyDevice::Arguments arguments) {
    launch();
    static_cast<char*>(arguments[place])[-1] = 0;
  };
  CHECK(bench.measurement->prepare(1, "") == outside);
}

TEST_CASE("a write into an input is found, and the next schedule gets the former values") {
  ProductBench bench;
  const std::size_t place =
      bench.argument([](const KernelTensor& tensor) { return !tensor.is_output; });
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  bench.device->faults[1] = [&](const auto& launch, FaultyDevice::Arguments arguments) {
    launch();
    static_cast<char*>(arguments[place])[5] ^= 1;
  };
  CHECK(bench.measurement->prepare(1, "") == "it writes into an input");
  CHECK(bench.measurement->prepare(2, "") == std::nullopt);
}

TEST_CASE("one other bit is found, wherever it is") {
  ProductBench bench;
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  int number = 1;
  for (const std::size_t element :
       {std::size_t{0}, elements_of_product / 2, elements_of_product - 1}) {
    CAPTURE(element);
    bench.spoil(number, [=](char* output) { output[element * sizeof(float)] ^= 1; });
    CHECK(bench.measurement->prepare(number++, "") == other_bits);
  }
  CHECK(bench.measurement->prepare(number, "") == std::nullopt);
}

TEST_CASE("an element that a schedule does not write is found") {
  ProductBench bench;
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  const std::size_t place =
      bench.argument([](const KernelTensor& tensor) { return tensor.is_output; });
  bench.device->faults[1] = [&](const auto& launch, FaultyDevice::Arguments arguments) {
    auto* const last = static_cast<float*>(arguments[place]) + elements_of_product - 1;
    const float before = *last;
    launch();
    *last = before;
  };
  CHECK(bench.measurement->prepare(1, "") == other_bits);
}

TEST_CASE("NaNs are equal whatever their bits, and unlike any number") {
  ProductBench bench;
  bench.spoil(0, with_nan(1));
  bench.spoil(1, with_nan(2));
  bench.spoil(3, [](char* output) {
    with_nan(3)(output);
    output[sizeof(float)] ^= 1;
  });
  CHECK(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  CHECK(bench.measurement->prepare(1, "") == std::nullopt);
  CHECK(bench.measurement->prepare(2, "") == other_bits);  // it has a number there
  CHECK(bench.measurement->prepare(3, "") == other_bits);  // another element differs
}

TEST_CASE("the zeros of two signs differ") {
  ProductBench bench;
  const auto with_zero = [](float zero) {
    return [=](char* output) { std::memcpy(output, &zero, sizeof zero); };
  };
  bench.spoil(0, with_zero(0.0F));
  bench.spoil(1, with_zero(-0.0F));
  CHECK(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  CHECK(bench.measurement->prepare(1, "") == other_bits);
}

TEST_CASE("moves that are refused or cannot be read are reasons") {
  ProductBench bench;
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  const auto reason = [&](const std::string& moves) {
    return bench.measurement->prepare(1, moves).value_or("none");
  };
  CHECK(reason("bind nowhere parallel").find("nowhere") != std::string::npos);
  CHECK(reason("bind k parallel").find("in order") != std::string::npos);
  CHECK(reason("jump over the moon").starts_with("moves:1: "));
  CHECK(reason("split").starts_with("moves:1: "));
  CHECK(reason("") == "none");
}

TEST_CASE("a schedule that does not compile is a reason") {
  ProductBench bench;
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  const auto compile = std::exchange(bench.backend.compile, [](const FinishedKernel&) -> Compiled {
    return Refusal{"too large to compile"};
  });
  CHECK(bench.measurement->prepare(1, "") == "too large to compile");
  bench.backend.compile = compile;
  CHECK(bench.measurement->prepare(2, "") == std::nullopt);
}

TEST_CASE("indices lie within their axis, and are not all the same") {
  Inputs in;
  Bench bench(gather(in.floats({7, 30}), in.integers({64}, 7), 0) + in.floats({64, 30}), in);
  const std::size_t place =
      bench.argument([](const KernelTensor& tensor) { return tensor.type == Type::i32; });
  std::vector<std::int32_t> drawn(64, -1);
  bench.device->faults[0] = [&](const auto& launch, FaultyDevice::Arguments arguments) {
    launch();
    std::memcpy(drawn.data(), arguments[place], drawn.size() * sizeof drawn[0]);
  };
  CHECK(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  const auto [least, most] = std::ranges::minmax(drawn);
  CHECK(least >= 0);
  CHECK(most < 7);
  CHECK(least < most);
  CHECK(bench.measurement->prepare(1, "") == std::nullopt);
}

TEST_CASE("every output of a kernel is compared") {
  Inputs in;
  const Tensor x = in.floats({50}), y = in.floats({50});
  const Tensor sums = x + y, products = x * y;
  const auto kernels =
      fusion(apply_rules(std::vector{sums.node(), products.node()}, in.executor.nodes()));
  REQUIRE(kernels.size() == 1);
  REQUIRE(kernels[0].outputs.size() == 2);
  Backend backend = cpu_backend(1);
  backend.device = std::make_unique<FaultyDevice>(std::move(backend.device));
  auto& device = static_cast<FaultyDevice&>(*backend.device);
  Measurement measurement(backend, kernels[0]);
  REQUIRE(measurement.prepare(0, "") == std::nullopt);
  std::vector<std::size_t> outputs;
  std::size_t place = 0;
  for (const KernelTensor& tensor : naive(kernels[0]).tensors) {
    if (tensor.where != Where::argument) continue;
    if (tensor.is_output) outputs.push_back(place);
    ++place;
  }
  REQUIRE(outputs.size() == 2);
  for (const int number : {1, 2}) {
    device.faults[number] = [&, number](const auto& launch, FaultyDevice::Arguments arguments) {
      launch();
      static_cast<char*>(arguments[outputs[number - 1]])[0] ^= 1;
    };
    CHECK(measurement.prepare(number, "") == other_bits);
  }
  CHECK(measurement.prepare(3, "") == std::nullopt);
}

TEST_CASE("times and ratios are positive") {
  ProductBench bench;
  REQUIRE(bench.measurement->prepare(0, bench.untuned) == std::nullopt);
  CHECK(bench.measurement->time(0) > 0);
  const Comparison same = bench.measurement->compare(0, 0);
  CHECK(same.ratio > 0);
  CHECK(std::isfinite(same.ratio));
  CHECK(same.noise >= 0);
  CHECK(same.noise < 1);
}
