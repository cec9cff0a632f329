#include "bench/exhaustive.h"

#include <algorithm>
#include <limits>
#include <random>
#include <unordered_map>

#include "core/error.h"

namespace tenon::bench {
namespace {

constexpr std::size_t walkers = 5, finalists = 10;
constexpr int final_rounds = 5;
constexpr double faster_by = .01;  // a neighbour must be, or noise would lead the walk
constexpr int most_draws = 10;     // of a turn, until a point applies
constexpr double never = std::numeric_limits<double>::infinity();

Point drawn_point(const Sketch& sketch, std::mt19937_64& random) {
  return mapped(sketch.knobs,
                [&](const Knob& knob) { return knob.values[random() % knob.values.size()]; });
}

// A point drawn in every turn, or the rule of thumb where all that are drawn contradict themselves.
Candidate drawn(const Space& space, std::mt19937_64& random) {
  Turns turns(space);
  while (const Sketch* sketch = turns.next()) {
    bool is_taken = false;
    for (int draw = 0; draw < most_draws && !is_taken; ++draw)
      is_taken = turns.take(drawn_point(*sketch, random));
    if (!is_taken) turns.take(sketch->seeds.front());
  }
  return turns.candidate();
}

// All points of a kernel with one turn, if there are no more than `most`; else none.
std::vector<Candidate> all_points(const Space& space, std::size_t most) {
  Turns first(space);
  const Sketch* sketch = first.next();
  if (!sketch) return {};
  double count = 1;
  for (const Knob& knob : sketch->knobs) count *= static_cast<double>(knob.values.size());
  if (count > static_cast<double>(most)) return {};
  std::vector<Candidate> all;
  std::vector<std::size_t> places(sketch->knobs.size(), 0);
  for (std::size_t knob = 0; knob < places.size();) {
    Point point;
    for (std::size_t k = 0; k < places.size(); ++k)
      point.push_back(sketch->knobs[k].values[places[k]]);
    Turns turns = first;
    if (turns.take(point)) all.push_back(turns.candidate());
    if (turns.next()) return {};  // a second turn
    for (knob = 0; knob < places.size(); ++knob) {
      if (++places[knob] < sketch->knobs[knob].values.size()) break;
      places[knob] = 0;
    }
  }
  return all;
}

class Exhaustion {
 public:
  Exhaustion(const Space& space, const Meter& meter, const ExhaustiveOptions& options)
      : space_(space), meter_(meter), options_(options), random_(options.seed) {}

  Exhausted run() {
    const int untuned_number = measure(untuned(space_));
    if (times_[untuned_number] == never)
      fail("regret: the untuned schedule cannot be measured: {}", reason_);
    const std::size_t favourites = std::max<std::size_t>(10, options_.points / 10);
    for (const Candidate& leader : leaders(space_, favourites, options_.seed)) measure(leader);
    for (const Candidate& point : points()) measure(point);
    for (const int number : fastest(walkers)) walk(number);
    const int tuned_number = measure(short_search());
    return finish(untuned_number, tuned_number);
  }

 private:
  std::vector<Candidate> points() {
    std::vector<Candidate> all = all_points(space_, options_.points);
    for (std::size_t i = 0; all.size() < options_.points && i < options_.points; ++i)
      all.push_back(drawn(space_, random_));
    return all;
  }

  // The number of the schedule, which is measured unless it was before.
  int measure(const Candidate& candidate) {
    const std::string moves = print(candidate.moves);
    const auto [entry, is_new] = numbers_.try_emplace(moves, static_cast<int>(times_.size()));
    if (!is_new) return entry->second;
    const int number = entry->second;
    times_.push_back(never);
    points_.push_back(candidate.point);
    if (const auto rejected = meter_.prepare(number, moves))
      reason_ = *rejected;
    else if (const auto ns = meter_.time(number))
      times_[number] = *ns;
    if (options_.progress)
      options_.progress(static_cast<int>(times_.size()), *std::ranges::min_element(times_));
    return number;
  }

  std::vector<int> fastest(std::size_t count) const {
    std::vector<int> numbers;
    for (int number = 0; number < std::ssize(times_); ++number)
      if (times_[number] < never) numbers.push_back(number);
    std::ranges::sort(numbers, {}, [&](int number) { return times_[number]; });
    if (numbers.size() > count) numbers.resize(count);
    return numbers;
  }

  // Goes on from the first neighbour that is faster.
  void walk(int from) {
    const auto is_faster = [&](const Candidate& neighbour) {
      const int number = measure(neighbour);
      if (times_[number] >= times_[from] * (1 - faster_by)) return false;
      from = number;
      return true;
    };
    while (std::ranges::any_of(neighbours(space_, std::string(points_[from])), is_faster)) {
    }
  }

  Candidate short_search() {
    Candidate first = untuned(space_);
    SearchOptions options;
    options.measurements = options_.measurements;
    options.seconds = never;
    options.seed = options_.seed;
    // The meter's numbers go on: its schedule 0 is the untuned one, as in the search.
    const int offset = static_cast<int>(times_.size());
    const auto number_of = [=](int number) { return number == 0 ? 0 : offset + number; };
    const Meter renumbered{
        [&](int number, const std::string& moves) {
          return number == 0 ? std::nullopt : meter_.prepare(number_of(number), moves);
        },
        [&](int number) { return meter_.time(number_of(number)); },
        [&](int a, int b) { return meter_.compare(number_of(a), number_of(b)); }};
    const Found found = search({&first, 1}, space_, renumbered, options);
    // Those numbers are taken now.
    times_.resize(times_.size() + found.tried.size() + 1, never);
    points_.resize(times_.size());
    return found.tried[found.winner].candidate;
  }

  Exhausted finish(int untuned_number, int tuned_number) {
    std::vector<int> numbers = fastest(finalists);
    numbers.push_back(untuned_number);
    numbers.push_back(tuned_number);
    std::unordered_map<int, double> again;
    for (int round = 0; round < final_rounds; ++round)
      for (const int number : numbers)
        if (const auto ns = meter_.time(number)) {
          double& least = again.try_emplace(number, never).first->second;
          least = std::min(least, *ns);
        }
    const auto best = std::ranges::min_element(
        again, {}, [](const std::pair<const int, double>& entry) { return entry.second; });
    if (!again.contains(untuned_number) || !again.contains(tuned_number))
      fail("regret: the worker died when the fastest schedules were measured again; run it again");
    return {again.at(untuned_number), again.at(tuned_number), best->second,
            static_cast<int>(numbers_.size()), points_[best->first]};
  }

  const Space& space_;
  const Meter& meter_;
  const ExhaustiveOptions& options_;
  std::mt19937_64 random_;
  std::unordered_map<std::string, int> numbers_;  // by moves
  std::vector<double> times_;                     // ns, by number
  std::vector<std::string> points_;
  std::string reason_;  // of the last schedule that was rejected
};

}  // namespace

Exhausted exhaust(const Space& space, const Meter& meter, const ExhaustiveOptions& options) {
  return Exhaustion(space, meter, options).run();
}

}  // namespace tenon::bench
