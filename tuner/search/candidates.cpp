#include "tuner/search/candidates.h"

#include <limits>
#include <map>
#include <random>
#include <ranges>
#include <string_view>
#include <tuple>
#include <utility>

namespace tenon {
namespace {

constexpr int drawn_points = 24;  // beside the seeds, where descents begin
constexpr double unknown_ns = std::numeric_limits<double>::infinity();
constexpr std::size_t most_refused = 16;  // points that are tried until one applies

Point draw(const Sketch& sketch, std::mt19937_64& random) {
  return mapped(sketch.knobs,
                [&](const Knob& knob) { return knob.values[random() % knob.values.size()]; });
}

// The points of one turn whose cost was computed, by point.
class Explored {
 public:
  Explored(const Turns& turns, const Sketch& sketch) : turns_(turns), sketch_(sketch) {}

  // The time of the point; unknown_ns if it is no schedule.
  double ns(const Point& point) {
    const auto [entry, is_new] = times_.try_emplace(point, unknown_ns);
    if (is_new)
      if (const auto cost = turns_.cost(point)) entry->second = cost->ns;
    return entry->second;
  }

  // Goes from knob to knob, takes the best value of each, and stops when no knob improves.
  void descend(Point point) {
    double best = ns(point);
    for (bool improved = true; std::exchange(improved, false);)
      for (std::size_t knob = 0; knob < sketch_.knobs.size(); ++knob)
        for (const std::int64_t value : sketch_.knobs[knob].values) {
          Point other = point;
          other[knob] = value;
          if (const double there = ns(other); there < best * .999) {
            best = there;
            point = std::move(other);
            improved = true;
          }
        }
  }

  void descend_from_seeds() {
    for (const Point& point : sketch_.seeds) descend(point);
  }

  // The explored points that are schedules with a time below the limit, the fastest first.
  std::vector<std::pair<double, Point>> ranked(double limit_ns = unknown_ns) const {
    std::vector<std::pair<double, Point>> points;
    for (const auto& [point, ns] : times_)
      if (ns < limit_ns) points.emplace_back(ns, point);
    std::ranges::sort(points);
    return points;
  }

 private:
  const Turns& turns_;
  const Sketch& sketch_;
  std::map<Point, double> times_;
};

// Takes the fastest of the points that is not refused, if there is one.
bool take_first(Turns& turns, const std::vector<std::pair<double, Point>>& ranked) {
  const auto is_taken = [&](const auto& entry) { return turns.take(entry.second); };
  return std::ranges::any_of(ranked | std::views::take(most_refused), is_taken);
}

void take_fastest(Turns& turns, const Sketch& sketch) {
  Explored explored(turns, sketch);
  explored.descend_from_seeds();
  if (!take_first(turns, explored.ranked())) turns.take(sketch.seeds.front());
}

void take_untuned(Turns& turns, const Sketch& sketch) {
  const Point& rule = sketch.seeds.front();
  Explored explored(turns, sketch);
  const double rule_ns = explored.ns(rule);
  const auto skeleton = sketch.skeleton(rule);
  const bool is_regular =
      skeleton &&
      std::ranges::none_of(skeleton->statement->accesses, [](const AccessFacts& access) {
        return contains(access.steps, irregular);  // the model does not know where it goes
      });
  if (is_regular && rule_ns > sketch.least_gain_ns) {
    explored.descend_from_seeds();
    const double limit = std::min(sketch.trusted_share * rule_ns, rule_ns - sketch.least_gain_ns);
    if (take_first(turns, explored.ranked(limit))) return;
  }
  if (!turns.take(rule)) take_fastest(turns, sketch);
}

// The points of the turns, in their order.
std::vector<std::string> parts_of(const std::string& point) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(point, std::string_view("; ")))
    parts.emplace_back(part.begin(), part.end());
  return parts;
}

// The rest of the turns. A turn takes the point that its part gives. If its sketch has no such
// point, or if the point is refused, the turn takes what untuned() takes.
Candidate finished(Turns turns, const std::vector<std::string>& parts = {}) {
  for (std::size_t turn = parts_of(turns.candidate().point).size();
       const Sketch* sketch = turns.next(); ++turn) {
    const auto point = turn < parts.size() ? parse_point(*sketch, parts[turn]) : std::nullopt;
    if (!point || !turns.take(*point)) take_untuned(turns, *sketch);
  }
  return turns.candidate();
}

// In how many knobs do the points differ?
std::size_t distance(const Point& a, const Point& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
  return count;
}

void sort_by_prediction(std::vector<Candidate>& candidates) {
  std::ranges::sort(candidates, {}, [](const Candidate& candidate) {
    return std::tie(candidate.predicted_ns, candidate.point);
  });
}

}  // namespace

Candidate untuned(const Space& space) { return finished(Turns(space)); }

Candidate candidate_of(const Space& space, const std::string& point) {
  return finished(Turns(space), parts_of(point));
}

std::vector<Candidate> leaders(const Space& space, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Candidate> found;
  Turns best(space), turns(space);
  while (const Sketch* sketch = best.next()) take_fastest(best, *sketch);
  found.push_back(best.candidate());
  while (const Sketch* sketch = turns.next()) {
    Explored explored(turns, *sketch);
    explored.descend_from_seeds();
    for (int i = 0; i < drawn_points; ++i) explored.descend(draw(*sketch, random));
    std::vector<Point> taken;
    for (const auto& [ns, point] : explored.ranked()) {
      if (taken.size() == count) break;
      const auto is_near = [&](const Point& other) { return distance(point, other) < 2; };
      if (std::ranges::any_of(taken, is_near)) continue;
      Turns with = turns;
      if (!with.take(point)) continue;
      taken.push_back(point);
      found.push_back(finished(std::move(with)));
    }
    take_untuned(turns, *sketch);
  }
  sort_by_prediction(found);
  const auto same = std::ranges::unique(found, {}, &Candidate::point);
  found.erase(same.begin(), same.end());
  if (found.size() > count) found.resize(count);
  return found;
}

std::vector<Candidate> drawn(const Space& space, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::map<std::string, Candidate> found;  // by point
  for (std::size_t i = 0; i < count; ++i) {
    Turns turns(space);
    while (const Sketch* sketch = turns.next()) {
      bool is_taken = false;
      for (std::size_t i = 0; i < most_refused && !is_taken; ++i)
        is_taken = turns.take(draw(*sketch, random));
      if (!is_taken) take_untuned(turns, *sketch);
    }
    found.emplace(turns.candidate().point, turns.candidate());
  }
  return mapped(found, [](const auto& entry) { return entry.second; });
}

std::vector<Candidate> neighbours(const Space& space, const std::string& text) {
  std::vector<Candidate> found;
  const std::vector<std::string> parts = parts_of(text);
  Turns turns(space);
  for (const std::string& part : parts) {
    const Sketch* sketch = turns.next();
    if (sketch && part == "none") continue;
    const auto point = sketch ? parse_point(*sketch, part) : std::nullopt;
    if (!point) break;
    for (std::size_t knob = 0; knob < point->size(); ++knob) {
      const auto& values = sketch->knobs[knob].values;
      for (const int step : {-1, 1}) {
        const int there = *position(values, (*point)[knob]) + step;
        if (there < 0 || there >= std::ssize(values)) continue;
        Point other = *point;
        other[knob] = values[there];
        Turns with = turns;
        if (with.take(other)) found.push_back(finished(std::move(with), parts));
      }
    }
    if (!turns.take(*point)) break;
  }
  sort_by_prediction(found);
  return found;
}

}  // namespace tenon
