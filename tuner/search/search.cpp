#include "tuner/search/search.h"

#include <chrono>
#include <ranges>
#include <set>

namespace tenon {
namespace {

constexpr double must_win_by = .02;
constexpr double walk_share = .375;  // of the measurements, for neighbours of the fastest so far
constexpr std::size_t finalists = 3, many_finalists = 10;
constexpr std::size_t walkers = 5;  // if exhaustive

class Search {
 public:
  Search(const Space& space, const Meter& meter, const SearchOptions& options)
      : space_(space), meter_(meter), options_(options) {}

  Found run(std::span<const Candidate> first, std::span<const Tried> known) {
    measure(first.front());
    if (found_.tried.front().measured_ns == 0) return std::move(found_);
    start_ = std::chrono::steady_clock::now();  // making the inputs of a large kernel takes long
    for (const Tried& earlier : known)
      if (moves_.insert(print(earlier.candidate.moves)).second) found_.tried.push_back(earlier);
    for (const Candidate& other : first.subspan(1)) measure_new(other);
    auto count = static_cast<std::size_t>(options_.measurements);
    count -= static_cast<std::size_t>(walk_share * options_.measurements);
    if (is_exhaustive()) count = options_.drawn_points / 10;
    for (const Candidate& other : drawn(space_, options_.drawn_points, options_.seed))
      measure_new(other);
    if (!is_over())
      for (const Candidate& leader : leaders(space_, count, options_.seed)) measure_new(leader);
    while (!is_over() && step()) continue;
    choose_winner();
    return std::move(found_);
  }

 private:
  bool is_exhaustive() const { return options_.drawn_points > 0; }
  bool is_over() const {
    if (is_exhaustive()) return options_.stop && options_.stop();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    return std::ssize(found_.tried) > options_.measurements || spent.count() > options_.seconds ||
           (options_.stop && options_.stop());
  }

  // Measures the candidate, unless the search is over or has tried its moves. Returns whether it
  // did.
  bool measure_new(const Candidate& candidate) {
    if (is_over() || moves_.contains(print(candidate.moves))) return false;
    measure(candidate);
    return true;
  }

  void measure(const Candidate& candidate) {
    const int number = static_cast<int>(found_.tried.size());
    moves_.insert(print(candidate.moves));
    prepared_.insert(number);
    Tried& tried = found_.tried.emplace_back(Tried{candidate});
    if (const auto rejected = meter_.prepare(number, print(candidate.moves)))
      tried.reason = *rejected;
    else if (const auto ns = meter_.time(number))
      tried.measured_ns = *ns;
    else
      tried.reason = "it crashed, or did not finish in time";
    if (options_.progress) options_.progress(found_);
  }

  // The places of the measured schedules, the fastest first.
  std::vector<std::size_t> ranked() const {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < found_.tried.size(); ++i)
      if (found_.tried[i].measured_ns > 0) places.push_back(i);
    std::ranges::sort(places, {}, [&](std::size_t place) {
      return std::pair(found_.tried[place].measured_ns, place);
    });
    return places;
  }

  // Measures the first neighbour of the fastest point that was not tried. Returns whether there was
  // one.
  bool step() {
    const std::size_t count = is_exhaustive() ? walkers : found_.tried.size();
    for (const std::size_t place : ranked() | std::views::take(count)) {
      const std::string point = found_.tried[place].candidate.point;
      for (const Candidate& neighbour : neighbours(space_, point))
        if (measure_new(neighbour)) return true;
    }
    return false;
  }

  // Holds the fastest against the untuned one by turns.
  void choose_winner() {
    double best = 1 - must_win_by;
    const std::size_t count = is_exhaustive() ? many_finalists : finalists;
    for (const std::size_t place : ranked() | std::views::take(count)) {
      const auto number = static_cast<int>(place);
      const Tried& tried = found_.tried[place];
      if (tried.measured_ns >= found_.tried[0].measured_ns) continue;
      if (!prepared_.contains(number) && meter_.prepare(number, print(tried.candidate.moves)))
        continue;
      const auto result = meter_.compare(0, number);
      if (!result || result->ratio >= best || result->ratio > 1 - result->noise) continue;
      best = result->ratio;
      found_.winner = place;
      found_.gain = 1 / best;
    }
  }

  const Space& space_;
  const Meter& meter_;
  const SearchOptions& options_;
  std::chrono::steady_clock::time_point start_;
  std::set<std::string> moves_;  // of what was tried
  std::set<int> prepared_;       // those that the meter has
  Found found_;
};

}  // namespace

Found search(std::span<const Candidate> first, std::span<const Tried> known, const Space& space,
             const Meter& meter, const SearchOptions& options) {
  return Search(space, meter, options).run(first, known);
}

}  // namespace tenon
