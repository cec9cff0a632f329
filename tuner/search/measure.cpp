#include "tuner/search/measure.h"

#include <sys/resource.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <span>

#include "cache/rows.h"
#include "core/error.h"
#include "lower/finish.h"
#include "lower/moves.h"
#include "lower/naive.h"

namespace tenon {
namespace {

constexpr std::size_t zone = 4096;  // bytes before and after a buffer
constexpr char pattern = '\x5a';    // of a zone
constexpr char nan_byte = '\xff';   // four of them are a NaN, eight too
constexpr double batch_ns = 1e6;    // at least
constexpr int turns = 8, fewest_turns = 2, most_repeats = 3;
constexpr double comparison_ns = 2e9;  // after this time, a comparison ends early

double now_ns() {
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  return Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// How often the processor was taken away: by other threads of this system, and, in ticks, by other
// guests of the machine, which /proc/stat calls steal.
std::int64_t interruptions() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::ifstream file("/proc/stat");
  std::string name;
  std::array<std::int64_t, 8> ticks{};
  file >> name;
  for (std::int64_t& of : ticks) file >> of;
  return usage.ru_nivcsw + ticks.back();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Are the bits equal, where any two NaNs count as equal?
bool same_bits(Type type, std::span<const char> a, std::span<const char> b) {
  if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  if (type != Type::f32) return false;
  for (std::size_t at = 0; at < a.size(); at += sizeof(float)) {
    std::uint32_t left, right;
    std::memcpy(&left, a.data() + at, sizeof left);
    std::memcpy(&right, b.data() + at, sizeof right);
    const auto is_nan = [](std::uint32_t bits) { return std::isnan(std::bit_cast<float>(bits)); };
    if (left != right && !(is_nan(left) && is_nan(right))) return false;
  }
  return true;
}

}  // namespace

// A buffer of a kernel's argument between two zones that no kernel may write.
struct Measurement::Guarded {
  Guarded(Device& device, const KernelTensor& tensor)
      : type(tensor.type),
        is_output(tensor.is_output),
        bytes(static_cast<std::size_t>(tensor.elements() * info(tensor.type).bytes)),
        memory(device.allocate(bytes + 2 * zone)) {
    if (!memory->host) fail("measuring needs a device whose memory this process can read");
  }
  void fill_zones() const {
    std::memset(memory->host, pattern, zone);
    std::memset(data() + bytes, pattern, zone);
  }
  std::string checksum() const { return hash_fields({{data(), bytes}}); }
  bool is_changed_input() const { return !is_output && checksum() != drawn; }
  char* data() const { return static_cast<char*>(memory->host) + zone; }
  bool is_intact() const {
    const auto* begin = static_cast<const char*>(memory->host);
    const auto untouched = [](char byte) { return byte == pattern; };
    return std::all_of(begin, begin + zone, untouched) &&
           std::all_of(data() + bytes, data() + bytes + zone, untouched);
  }

  Type type;
  bool is_output;
  std::size_t bytes;
  BufferRef memory;
  std::string drawn;     // of an input: the checksum of the values drawn
  std::string expected;  // of an output: what schedule 0 computes
};

Measurement::Measurement(const Backend& backend, const KernelGraph& graph)
    : backend_(backend), naive_(naive(graph)) {
  for (const KernelTensor& tensor : naive_.tensors) {
    if (tensor.where != Where::argument) continue;
    const Guarded& buffer = buffers_.emplace_back(*backend.device, tensor);
    arguments_.push_back(static_cast<char*>(buffer.memory->data) + zone);
  }
  draw();
}

void Measurement::draw() {
  // Computed subscripts, as of a Gather, are drawn within their axes, so that the accesses happen.
  std::int64_t most = 100;
  visit_stores(naive_.body, [&](const Store& store, const Path&) {
    const auto bound = [&](const Access& access) {
      if (access.computed)
        most = std::min(most, naive_.tensors[access.tensor].extents[access.computed_axis]);
    };
    bound(store);
    visit_reads(store, bound);
  });
  std::mt19937 random(1);
  std::uniform_real_distribution<float> real(-1, 1);
  for (Guarded& buffer : buffers_) {
    const std::size_t size = info(buffer.type).bytes;
    for (std::size_t at = 0; at < buffer.bytes; at += size) {
      const float value = real(random);
      auto whole = static_cast<std::int32_t>(random() % std::max<std::int64_t>(most, 1));
      if (buffer.type == Type::boolean) whole &= 1;  // its first byte is copied
      const void* const element =
          buffer.type == Type::f32 ? static_cast<const void*>(&value) : &whole;
      std::memcpy(buffer.data() + at, element, size);
    }
    buffer.drawn = buffer.checksum();
  }
}

Measurement::~Measurement() = default;

void Measurement::run(int number) {
  backend_.device->launch(*programs_.at(number), arguments_, {});
}

std::optional<std::string> Measurement::prepare(int number, const std::string& moves) try {
  const Moved scheduled = apply_all(naive_, parse_schedule(moves, "moves"), {}, Check::once);
  if (const auto* refused = std::get_if<Refusal>(&scheduled)) return refused->reason;
  const Compiled compiled = backend_.compile(finish(std::get<Kernel>(scheduled), backend_.target));
  if (const auto* failure = std::get_if<Refusal>(&compiled)) return failure->reason;
  programs_[number] = backend_.device->load(std::get<Artifact>(compiled));

  // An earlier schedule may have written anywhere.
  if (std::ranges::any_of(buffers_, &Guarded::is_changed_input)) draw();
  for (const Guarded& buffer : buffers_) {
    buffer.fill_zones();
    if (buffer.is_output) std::memset(buffer.data(), nan_byte, buffer.bytes);
  }
  run(number);
  for (Guarded& buffer : buffers_) {
    if (!buffer.is_intact()) return "it writes outside of its buffers";
    if (buffer.is_changed_input()) return "it writes into an input";
    if (!buffer.is_output) continue;
    if (number == 0)
      buffer.expected.assign(buffer.data(), buffer.bytes);
    else if (!same_bits(buffer.type, {buffer.data(), buffer.bytes}, buffer.expected))
      return "its result has other bits";
  }
  return {};
} catch (const Error& failure) {  // the moves cannot be read, or the code cannot be loaded
  return failure.what();
}

double Measurement::batch(int number, std::int64_t runs) {
  double best = 0;
  for (int repeat = 0; repeat < most_repeats; ++repeat) {
    const std::int64_t before = interruptions();
    const double start = now_ns();
    for (std::int64_t i = 0; i < runs; ++i) run(number);
    const double each = (now_ns() - start) / static_cast<double>(runs);
    best = repeat == 0 ? each : std::min(best, each);
    if (interruptions() == before) break;
  }
  return best;
}

std::int64_t Measurement::runs_for(int number) {
  std::int64_t& runs = runs_[number];
  if (runs > 0) return runs;
  run(number);  // warm
  const double once = batch(number, 1);
  return runs = std::max<std::int64_t>(1, std::llround(std::ceil(batch_ns / std::max(once, 1.0))));
}

// The machine may be slower for seconds, for example while others use its caches. So the time of
// schedule 0 now is held against its time at first.
double Measurement::time(int number) {
  const std::int64_t runs = runs_for(number);
  batch(number, runs);  // a process that has just begun is slow for a while
  double best = std::numeric_limits<double>::infinity(), beside = best;
  for (int i = 0; i < timing_batches; ++i) {
    if (number != 0 && i % 2 == 0) beside = std::min(beside, batch(0, runs_for(0)));
    best = std::min(best, batch(number, runs));
  }
  if (first_ns_ == 0) first_ns_ = number == 0 ? best : beside;
  return number == 0 ? best : best * first_ns_ / beside;
}

// By turns: first, second, second, first.
Comparison Measurement::compare(int first, int second) {
  const std::int64_t runs = std::max(runs_for(first), runs_for(second));
  std::vector<double> ratios, equals;
  const double start = now_ns();
  for (int turn = 0; turn < turns; ++turn) {
    if (turn >= fewest_turns && now_ns() - start > comparison_ns) break;
    const double before = batch(first, runs);
    const double other = batch(second, runs) + batch(second, runs);
    const double after = batch(first, runs);
    ratios.push_back(other / (before + after));
    equals.push_back(std::abs(before - after) / std::max(before, after));
  }
  // The mean of two differs by less than each of them, so half of their distance is the noise.
  return {median(ratios), median(equals) / 2};
}

}  // namespace tenon
