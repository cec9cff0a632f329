#include "bench/exhaustive.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace tenon::bench {
namespace {

constexpr std::size_t finalists = 10;
constexpr int final_rounds = 5;
constexpr double never = std::numeric_limits<double>::infinity();

// The moves of the schedules that take the least time, and their points.
std::vector<Candidate> fastest(const Found& found) {
  std::vector<Tried> tried = found.tried;
  std::erase_if(tried, [](const Tried& one) { return one.measured_ns == 0; });
  std::ranges::sort(tried, {}, &Tried::measured_ns);
  if (tried.size() > finalists) tried.resize(finalists);
  return mapped(tried, [](const Tried& one) { return one.candidate; });
}

}  // namespace

Exhausted exhaust(const Space& space, const Job& job, const ExhaustiveOptions& options) {
  const Candidate first = untuned(space);
  SearchOptions short_search{
      .measurements = options.measurements, .seconds = never, .seed = options.seed};
  SearchOptions long_search{.seed = options.seed, .drawn_points = options.points};
  long_search.progress = [&](const Found& found) {
    double best = never;
    for (const Tried& tried : found.tried)
      if (tried.measured_ns > 0) best = std::min(best, tried.measured_ns);
    if (options.progress) options.progress(static_cast<int>(found.tried.size()), best);
  };
  Worker briefly(job), at_length(job), again(job);
  const Found tuned = search({&first, 1}, {}, space, briefly.meter(), short_search);
  const Found all = search({&first, 1}, {}, space, at_length.meter(), long_search);
  if (all.tried.front().measured_ns == 0)
    fail("regret: the untuned schedule cannot be measured: {}", all.tried.front().reason);

  // The finalists by turns: the untuned schedule, the short search's winner, then the fastest.
  std::vector<Candidate> last{first, tuned.tried[tuned.winner].candidate};
  append(last, fastest(all));
  const Meter meter = again.meter();
  std::vector<double> times(last.size(), never);
  for (std::size_t i = 0; i < last.size(); ++i)
    if (meter.prepare(static_cast<int>(i), print(last[i].moves)) && i < 2)
      fail("regret: a schedule could not be built again; run it again");
  for (int round = 0; round < final_rounds; ++round)
    for (std::size_t i = 0; i < last.size(); ++i)
      if (const auto ns = meter.time(static_cast<int>(i))) times[i] = std::min(times[i], *ns);
  const auto best = std::ranges::min_element(times);
  if (times[0] == never || times[1] == never)
    fail("regret: the worker died when the fastest schedules were measured again; run it again");
  return {times[0], times[1], *best, static_cast<int>(all.tried.size() + tuned.tried.size()),
          last[best - times.begin()].point};
}

}  // namespace tenon::bench
