// A finished nest, compiled for each Isa of this machine and compared bit by bit with the
// interpreter of nests. Arguments lie between guard zones, which must stay as they are.
#pragma once

#include <bit>
#include <cstring>
#include <new>
#include <random>

#include "codegen/cpu_device.h"
#include "compiled.h"
#include "oracle/interpret_nest.h"

namespace tenon {

inline Index v(Var axis) { return Index::var(axis); }

inline constexpr std::size_t guard = 256;  // bytes on both sides
inline constexpr unsigned char untouched = 0xa5;

inline void put(Type type, double value, unsigned char* to) {
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

// An allocator for buffers that begin at a multiple of 64 bytes, as they do on a device.
template <typename Byte>
struct OnLines {
  using value_type = Byte;
  Byte* allocate(std::size_t count) {
    return static_cast<Byte*>(::operator new(count, std::align_val_t{64}));
  }
  void deallocate(Byte* bytes, std::size_t) { ::operator delete(bytes, std::align_val_t{64}); }
  friend bool operator==(OnLines, OnLines) { return true; }
};
using AlignedBytes = std::vector<unsigned char, OnLines<unsigned char>>;

// Random values, among them many that often cause faults: zeros of both signs, infinities, NaN,
// integers at the limits.
inline double sample(Type type, std::mt19937& random) {
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

// Compiles the kernel for each Isa, runs it on random inputs, and checks that all arguments and
// guard zones end as they do in the interpreter. `finite`: no input is infinite or NaN.
inline void check_kernel(const FinishedKernel& kernel, int threads = 1, bool finite = false) {
  const auto& tensors = kernel.kernel.tensors;
  std::mt19937 random(7);
  std::vector<std::vector<double>> memory(tensors.size());
  std::vector<AlignedBytes> start(tensors.size());
  for (std::size_t t = 0; t < tensors.size(); t++) {
    if (tensors[t].where != Where::argument) continue;
    const auto bytes = static_cast<std::size_t>(info(tensors[t].type).bytes);
    memory[t].resize(static_cast<std::size_t>(tensors[t].elements()));
    start[t].assign(memory[t].size() * bytes + 2 * guard, untouched);
    for (std::size_t i = 0; i < memory[t].size(); i++) {
      double& value = memory[t][i];
      do value = sample(tensors[t].type, random);
      while (finite && !std::isfinite(value));
      put(tensors[t].type, value, &start[t][guard + i * bytes]);
    }
  }
  REQUIRE(run_nest(kernel.kernel, memory) == "");
  auto wanted = start;
  for (std::size_t t = 0; t < tensors.size(); t++) {
    for (std::size_t i = 0; i < memory[t].size() && !start[t].empty(); i++)
      put(tensors[t].type, memory[t][i], &wanted[t][guard + i * info(tensors[t].type).bytes]);
  }
  for (const Isa isa : isas()) {
    CAPTURE(name(isa));
    auto got = start;
    std::vector<void*> buffers;
    for (auto& bytes : got)
      if (!bytes.empty()) buffers.push_back(bytes.data() + guard);
    const auto device = cpu_device(threads);
    device->launch(*device->load(compiled(kernel, isa)), buffers, {});
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

}  // namespace tenon
