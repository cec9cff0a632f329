#include "bench/suite.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include <fmt/core.h>

#include "bench/machine.h"
#include "bench/peers.h"
#include "bench/report.h"
#include "core/error.h"

namespace tenon::bench {

namespace {

// The launches of a graph that is planned, compiled and bound to its buffers.
Contestant bound_kernels(Session& session, const Case& work) {
  const Tensor output = work.graph();
  auto bound = std::make_shared<Bound>(session.bind({&output, 1}));
  const BufferRef result = bound->results[0];
  return contestant("tenon", [bound] { bound->launch(); }, result);
}

// What a user waits for: realize() of a graph just built, with its walk, look-ups and memory. The
// graph before is released first; otherwise the new graph would be the same realized nodes.
Contestant whole_realize(const Case& work) {
  auto last = std::make_shared<Tensor>();
  auto seconds = [last, graph = work.graph](std::int64_t repeats) {
    std::chrono::duration<double> total{0};
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
      *last = Tensor();
      *last = graph();
      const auto start = std::chrono::steady_clock::now();
      last->realize();
      total += std::chrono::steady_clock::now() - start;
    }
    return total.count();
  };
  auto result = [last]() -> std::span<float> {
    if (last->is_empty()) return {};
    return floats(last->node()->as<BufferLeaf>()->buffer);
  };
  return {"realize", seconds, result};
}

Limit limit_of(Session& session, const Case& work) {
  const int threads = session.threads();
  if (work.limit == LimitedBy::fma) {
    return {"GFLOP/s", work.flops, [threads] { return fma_rate(threads); }};
  }
  const auto half = static_cast<std::size_t>(work.bytes / 2);
  auto copy = std::make_shared<Copy>(session.device(), half, threads);
  return {"GB/s", work.bytes, [copy] { return copy->rate(); }};
}

}  // namespace

bool run_cases(std::string_view suite, const Options& options,
               const std::vector<std::string>& default_cases, const MakeCase& make) {
  SessionOptions session_options;
  session_options.threads = options.threads;
  session_options.cache = "";
  if (!options.moves.path.empty()) session_options.moves = cli::by_hand(options.moves);
  session_options.isa = options.isa;
  Session session(session_options);
  set_peer_threads(session.threads());

  Report report(options);
  bool all_right = true;
  for (const std::string& name : options.cases.empty() ? default_cases : options.cases) {
    note(fmt::format("{} {}: preparing", suite, name));
    const Case work = make(session, name);
    Contest contest{{bound_kernels(session, work), whole_realize(work)},
                    work.expected,
                    limit_of(session, work)};
    for (const Contestant& other : work.others) contest.contestants.push_back(other);
    const Outcome outcome = hold(contest, options.rounds, [&](int round) {
      note(fmt::format("{} {}: round {} of {}", suite, name, round + 1, options.rounds));
    });
    if (outcome.wrong) {
      end_notes();
      fmt::print(stderr, "tenon-bench: {} {}: wrong result: {}\n", suite, name, *outcome.wrong);
      all_right = false;
      continue;
    }
    report.add({suite, name, session.threads(), work.flops, work.bytes, contest.limit.unit,
                contest.limit.work, outcome});
  }
  return all_right;
}

std::vector<std::int64_t> parse_sizes(std::string_view text, std::size_t count) {
  std::vector<std::int64_t> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t size = 0;
    const auto [next, problem] = std::from_chars(at, end, size);
    if (problem != std::errc() || size <= 0) return {};
    sizes.push_back(size);
    if (next != end && (*next != 'x' || next + 1 == end)) return {};
    at = next == end ? end : next + 1;
  }
  if (sizes.size() != count) return {};
  return sizes;
}

std::pair<std::string_view, std::string_view> at_colon(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return {name, {}};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

Tensor Operands::uniform(Shape shape, float low, float high) {
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(elements(shape));
  for (float& value : values) value = distribution(random_);
  const std::string name(1, next_name_++);  // for schedules by hand
  return session_.tensor(std::span<const float>(values), std::move(shape), name);
}

const float* data(const Tensor& leaf) {
  return static_cast<const float*>(leaf.node()->as<BufferLeaf>()->buffer->host);
}

double dot_tolerance(std::int64_t terms, double length, double other_length) {
  constexpr double unit_roundoff = 0x1p-24;
  return 2 * unit_roundoff * (std::sqrt(static_cast<double>(terms)) + 4) * length * other_length;
}

double length(const float* first, std::int64_t count, std::int64_t stride) {
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    squares += static_cast<double>(first[i * stride]) * first[i * stride];
  }
  return std::sqrt(squares);
}

}  // namespace tenon::bench
