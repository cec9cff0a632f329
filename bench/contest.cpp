#include "bench/contest.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <thread>

#include <fmt/core.h>

namespace tenon::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double batch_seconds = 1.2e-3;
// A thread that is woken may share a processor with the thread that woke it until the system's next
// tick, some 10 ms later. The warm-up lasts two ticks.
constexpr double warm_up_seconds = 20e-3;

double process_seconds() {  // of processor time, all threads together
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Worker threads spin for a while after their work, OpenBLAS's for some 25 ms, and would take a
// core from whoever comes next. So wait until the process uses no time while we sleep.
void wait_for_quiet() {
  constexpr int patience = 300;  // milliseconds, in case a thread never rests
  for (int waited = 0; waited < patience; ++waited) {
    const double before = process_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (process_seconds() - before < 0.1e-3) return;
  }
}

struct Entry {
  const Contestant* contestant;
  std::int64_t repeats;
  std::vector<double> samples;  // seconds of one computation
};

Entry warm_up(const Contestant& contestant) {
  // All bits are set: a NaN, a bool that is neither 0 nor 1, or -1.
  for (const BufferRef& result : contestant.results())
    std::memset(result->host, 0xff, result->bytes);
  contestant.seconds(1);  // the first call may compile, pack or start threads
  double once = contestant.seconds(1);
  for (int call = 0; call < 3 && once < batch_seconds; ++call) {
    once = std::min(once, contestant.seconds(1));
  }
  const double repeats = std::ceil(batch_seconds / std::max(once, 1e-8));
  return {&contestant, std::max<std::int64_t>(1, static_cast<std::int64_t>(repeats)), {}};
}

void take_turn(Entry& entry) {
  wait_for_quiet();
  const Contestant& contestant = *entry.contestant;
  for (double warm = 0; warm < warm_up_seconds;) {
    warm += contestant.seconds(entry.repeats);
  }
  double seconds = contestant.seconds(entry.repeats);
  while (seconds < 1e-3) {  // the estimate was made cold
    entry.repeats = entry.repeats * 5 / 4 + 1;
    seconds = contestant.seconds(entry.repeats);
  }
  entry.samples.push_back(seconds / static_cast<double>(entry.repeats));
}

double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

// Are these far apart? Values without a number between them, such as two infinities, are not.
bool differ(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) != std::isnan(b);
  return a != b && !(std::abs(a - b) <= tolerance);
}

std::optional<std::string> wrong_against_expected(const Contestant& contestant,
                                                  const Buffer& result, const Expected& expected) {
  for (const Sample& sample : expected.samples) {
    const double is = element_of(expected.type, result.host, sample.element);
    if (differ(is, sample.value, sample.tolerance))
      return fmt::format("{}: element {} is {}, not {} +- {}", contestant.name, sample.element, is,
                         sample.value, sample.tolerance);
  }
  return {};
}

// Both may miss the exact value by the tolerance, so they may differ by twice as much.
std::optional<std::string> wrong_against(const Contestant& first, const Buffer& result,
                                         const Contestant& other, const Buffer& other_result,
                                         const Expected& expected) {
  if (result.bytes != other_result.bytes) return other.name + ": the result has another size";
  const auto count = static_cast<std::int64_t>(result.bytes / info(expected.type).bytes);
  for (std::int64_t element = 0; element < count; ++element) {
    const double one = element_of(expected.type, result.host, element);
    const double another = element_of(expected.type, other_result.host, element);
    if (differ(one, another, 2 * expected.tolerance))
      return fmt::format("{} and {}: element {} is {} and {}, further apart than {}", first.name,
                         other.name, element, one, another, 2 * expected.tolerance);
  }
  return {};
}

std::optional<std::string> wrong_result(const Contest& contest) {
  const Contestant& first = contest.contestants[0];
  for (const Contestant& contestant : contest.contestants)
    for (std::size_t i = 0; i < contest.expected.size(); ++i) {
      const Expected& expected = contest.expected[i];
      const Buffer &ours = *first.results()[i], &result = *contestant.results()[i];
      if (auto wrong = wrong_against_expected(contestant, result, expected)) return wrong;
      if (auto wrong = wrong_against(first, ours, contestant, result, expected)) return wrong;
    }
  return {};
}

std::vector<Timing> summary(const std::vector<Entry>& entries) {
  std::vector<Timing> timings;
  for (const Entry& entry : entries) {
    const double best = *std::min_element(entry.samples.begin(), entry.samples.end());
    const Timing timing{entry.contestant->name, best * 1e3, median(entry.samples) * 1e3};
    auto same = std::find_if(timings.begin(), timings.end(),
                             [&](const Timing& t) { return t.name == timing.name; });
    if (same == timings.end()) {
      timings.push_back(timing);
    } else if (timing.best_ms < same->best_ms) {
      *same = timing;
    }
  }
  return timings;
}

}  // namespace

Contestant contestant(std::string name, std::function<void()> run, std::vector<BufferRef> results) {
  auto seconds = [run = std::move(run)](std::int64_t repeats) {
    const auto start = Clock::now();
    for (std::int64_t repeat = 0; repeat < repeats; ++repeat) run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  return {std::move(name), std::move(seconds), [results = std::move(results)] { return results; }};
}
Contestant contestant(std::string name, std::function<void()> run, const BufferRef& result) {
  return contestant(std::move(name), std::move(run), std::vector{result});
}

Outcome hold(Contest& contest, int rounds, const Progress& progress) {
  Outcome outcome{};
  std::vector<Entry> entries;
  for (const Contestant& contestant : contest.contestants) {
    wait_for_quiet();
    entries.push_back(warm_up(contestant));
  }
  outcome.wrong = wrong_result(contest);
  if (outcome.wrong) return outcome;

  for (int round = 0; round < rounds; ++round) {
    progress(round);
    for (std::size_t turn = 0; turn < entries.size(); ++turn) {
      take_turn(entries[(turn + round) % entries.size()]);
    }
    wait_for_quiet();
    contest.limit.sample(outcome.rates);
  }
  outcome.wrong = wrong_result(contest);
  outcome.timings = summary(entries);
  return outcome;
}

}  // namespace tenon::bench
