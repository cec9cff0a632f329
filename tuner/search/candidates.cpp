#include "tuner/search/candidates.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <tuple>

#include "tuner/schedule/pick.h"
#include "tuner/space/model.h"

namespace tenon {
namespace {

constexpr int drawn_points = 24;  // beside the seeds, where descents begin
// An unmeasured point takes the place of the rule of thumb if its predicted time is below this
// share of the rule's. The predictions of the model are not closer to the truth.
constexpr double trusted_share = .75;
// The point also has to save this much of each run, because it has more code than the rule of thumb
// and compiles longer. A hundred runs then make up for that.
constexpr double least_gain_ns = 5e5;
constexpr std::size_t most_refused = 16;  // points that are tried until one applies

// The points of one sketch whose cost was computed, by point.
class Explored {
 public:
  Explored(const Sketch& sketch, const Facts& facts, const Target& target, const Machine& machine)
      : sketch_(sketch), facts_(facts), target_(target), machine_(machine) {}

  // The cost of the point; nothing if it is no schedule.
  const std::optional<Cost>& at(const Point& point) {
    const auto [entry, is_new] = costs_.try_emplace(point);
    if (!is_new) return entry->second;
    if (const auto skeleton = sketch_.skeleton(point))
      entry->second = cost(*skeleton, facts_, target_, machine_);
    return entry->second;
  }

  // Goes from knob to knob, takes the best value of each, and stops when no knob improves.
  void descend(Point point) {
    double best = ns(point);
    for (bool improved = true; improved;) {
      improved = false;
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
  }

  // Nothing if a move is refused. The point schedules one statement; the rules of the pick
  // schedule the others.
  std::optional<Candidate> candidate(const Point& point) const {
    const Cost& cost = *costs_.at(point);
    auto moves =
        pick_after(moves_of(*sketch_.skeleton(point), facts_), facts_.naive, target_, machine_);
    if (!moves) return {};
    return Candidate{text(sketch_, point), std::move(*moves), cost.ns, std::string(cost.limit)};
  }

  // The explored points that are schedules, the fastest first.
  std::vector<std::pair<double, Point>> ranked() const {
    std::vector<std::pair<double, Point>> points;
    for (const auto& [point, cost] : costs_)
      if (cost) points.emplace_back(cost->ns, point);
    std::ranges::sort(points);
    return points;
  }

 private:
  double ns(const Point& point) {
    const auto& cost = at(point);
    return cost ? cost->ns : std::numeric_limits<double>::infinity();
  }

  const Sketch& sketch_;
  const Facts& facts_;
  const Target& target_;
  const Machine& machine_;
  std::map<Point, std::optional<Cost>> costs_;
};

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

Candidate untuned(const Kernel& naive, const Target& target, const Machine& machine) {
  const Facts facts = facts_of(naive);
  std::optional<Candidate> best;
  for (const Sketch& sketch : sketches(facts, target, machine)) {
    Explored explored(sketch, facts, target, machine);
    std::vector<Point> order{sketch.seeds.front()};
    const auto& rule = explored.at(order.front());
    if (!rule || rule->ns > least_gain_ns)
      for (const Point& point : sketch.seeds) explored.descend(point);
    for (const auto& [ns, point] : explored.ranked()) {
      if (order.size() > most_refused) break;
      const bool is_better =
          !rule || (ns < trusted_share * rule->ns && rule->ns - ns > least_gain_ns);
      order.insert(is_better ? order.end() - 1 : order.end(), point);
    }
    for (const Point& point : order) {
      if (!explored.at(point)) continue;
      auto candidate = explored.candidate(point);
      if (!candidate) continue;  // a move is refused
      if (!best || candidate->predicted_ns < best->predicted_ns) best = std::move(candidate);
      break;
    }
  }
  if (best) return *best;
  return {.moves = pick(naive, target, machine)};
}

std::vector<Candidate> leaders(const std::vector<Sketch>& sketches, const Facts& facts,
                               const Backend& backend, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Candidate> found;
  for (const Sketch& sketch : sketches) {
    Explored explored(sketch, facts, backend.target, backend.machine);
    for (const Point& point : sketch.seeds) explored.descend(point);
    for (int i = 0; i < drawn_points; ++i)
      explored.descend(mapped(sketch.knobs, [&](const Knob& knob) {
        return knob.values[random() % knob.values.size()];
      }));
    std::vector<Point> taken;
    for (const auto& [ns, point] : explored.ranked()) {
      if (taken.size() == count) break;
      if (std::ranges::any_of(taken,
                              [&](const Point& other) { return distance(point, other) < 2; }))
        continue;
      auto candidate = explored.candidate(point);
      if (!candidate) continue;
      taken.push_back(point);
      found.push_back(std::move(*candidate));
    }
  }
  sort_by_prediction(found);
  if (found.size() > count) found.resize(count);
  return found;
}

std::vector<Candidate> neighbours(const std::vector<Sketch>& sketches, const Facts& facts,
                                  const Backend& backend, const std::string& text) {
  std::vector<Candidate> found;
  for (const Sketch& sketch : sketches) {
    const auto point = parse_point(sketch, text);
    if (!point) continue;
    Explored explored(sketch, facts, backend.target, backend.machine);
    for (std::size_t knob = 0; knob < point->size(); ++knob) {
      const auto& values = sketch.knobs[knob].values;
      const auto here = position(values, (*point)[knob]);
      for (const int step : {-1, 1}) {
        const int there = here ? *here + step : -1;
        if (there < 0 || there >= std::ssize(values)) continue;
        Point other = *point;
        other[knob] = values[there];
        if (!explored.at(other)) continue;
        if (auto candidate = explored.candidate(other)) found.push_back(std::move(*candidate));
      }
    }
  }
  sort_by_prediction(found);
  return found;
}

}  // namespace tenon
