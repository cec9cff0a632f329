// The search with a Meter that the test scripts (scripted_search.h): which schedules are measured,
// in which order, and which one wins.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scripted_search.h"

using namespace tenon;
using namespace tuner_test;

TEST_CASE("the untuned schedule stays if nothing is faster by two percent") {
  Scripted scripted;
  scripted.time = times({}, 99);
  const Found found = scripted.search();
  CHECK(found.tried.size() > 1);
  CHECK(found.tried[0].measured_ns == untuned_ns);
  CHECK(found.winner == 0);
  CHECK(found.gain == 1);
}

TEST_CASE("a schedule that is faster by a tenth wins") {
  Scripted scripted;
  const std::string best = scripted.leaders().back();
  scripted.time = times({{best, 90}}, 200);
  const Found found = scripted.search();
  CHECK(winner_of(found) == best);
  CHECK(found.tried[found.winner].measured_ns == 90);
  CHECK(found.gain == doctest::Approx(1 / .9));
  REQUIRE_FALSE(scripted.compared.empty());
  CHECK(scripted.compared.front() == best);
}

TEST_CASE("a faster time counts only if the comparison by turns confirms it") {
  Scripted scripted;
  scripted.time = times({}, 80);
  const auto winner_if = [&](std::optional<Comparison> result) {
    scripted.compare = [=](const std::string&) { return result; };
    return scripted.search().winner;
  };
  CHECK(winner_if(Comparison{.95, .1}) == 0);   // the noise is larger than the gain
  CHECK(winner_if(Comparison{.99, 0}) == 0);    // less than two percent
  CHECK(winner_if(Comparison{1.2, .01}) == 0);  // slower
  CHECK(winner_if({}) == 0);                    // it crashed
  CHECK(winner_if(Comparison{.95, .01}) > 0);
}

TEST_CASE("the three fastest are compared, and the best comparison wins") {
  Scripted scripted;
  const auto leaders = scripted.leaders();
  REQUIRE(leaders.size() > 4);
  scripted.time =
      times({{leaders[1], 50}, {leaders[2], 60}, {leaders[3], 70}, {leaders[4], 80}}, 150);
  const std::map<std::string, double> ratios{
      {leaders[1], .9}, {leaders[2], .7}, {leaders[3], .8}, {leaders[4], .1}};
  scripted.compare = [&](const std::string& point) { return Comparison{ratios.at(point), .01}; };
  const Found found = scripted.search();
  CHECK(scripted.compared == std::vector{leaders[1], leaders[2], leaders[3]});
  CHECK(winner_of(found) == leaders[2]);
  CHECK(found.gain == doctest::Approx(1 / .7));
}

TEST_CASE("rejected schedules and those without a time keep their reason and never win") {
  Scripted scripted;
  const auto leaders = scripted.leaders();
  REQUIRE(leaders.size() > 2);
  scripted.reject = [&](const std::string& point) {
    return point == leaders[0] ? std::optional<std::string>("other bits") : std::nullopt;
  };
  scripted.time = [&](const std::string& point) -> std::optional<double> {
    CHECK(point != leaders[0]);
    if (point == leaders[1]) return {};
    return point.empty() ? untuned_ns : 90;
  };
  const Found found = scripted.search();
  REQUIRE(found.tried.size() > 3);
  CHECK(found.tried[1].candidate.point == leaders[0]);
  CHECK(found.tried[1].reason == "other bits");
  CHECK(found.tried[1].measured_ns == 0);
  CHECK(found.tried[2].candidate.point == leaders[1]);
  CHECK(found.tried[2].reason.find("finish") != std::string::npos);
  CHECK(found.tried[2].measured_ns == 0);
  CHECK(found.tried[3].reason.empty());
  CHECK(found.winner > 2);
  CHECK_FALSE(contains(scripted.compared, leaders[0]));
  CHECK_FALSE(contains(scripted.compared, leaders[1]));
}

TEST_CASE("if all candidates are rejected the untuned schedule stays") {
  Scripted scripted;
  scripted.reject = [](const std::string& point) {
    return point.empty() ? std::nullopt : std::optional<std::string>("refused");
  };
  scripted.time = times({}, 1);
  const Found found = scripted.search();
  CHECK(points_of(found).size() == scripted.leaders().size() + 1);  // a walk has no beginning
  CHECK(found.winner == 0);
  CHECK(scripted.compared.empty());
}

TEST_CASE("the limit of measurements holds, and the untuned schedule does not count") {
  Scripted scripted;
  scripted.time = times({}, 90);
  for (const int limit : {0, 1, 2, 5, 16}) {
    CAPTURE(limit);
    scripted.options.measurements = limit;
    CHECK(std::ssize(scripted.search().tried) == limit + 1);
  }
}

TEST_CASE("no point is measured twice") {
  Scripted scripted;
  scripted.options.measurements = 100;  // more than there are points
  scripted.time = times({}, 90);
  std::vector<std::string> points = points_of(scripted.search());
  CHECK(points.size() == 26);
  std::ranges::sort(points);
  CHECK(std::ranges::adjacent_find(points) == points.end());
}

TEST_CASE("stop ends the search, and what was found is returned") {
  Scripted scripted;
  const auto leaders = scripted.leaders();
  scripted.time = times({{leaders[1], 80}}, 150);
  int measured = 0;
  scripted.options.progress = [&](const Found& found) { measured = std::ssize(found.tried); };
  scripted.options.stop = [&] { return measured == 3; };
  const Found found = scripted.search();
  CHECK(points_of(found) == std::vector{std::string(), leaders[0], leaders[1]});
  CHECK(winner_of(found) == leaders[1]);
}

TEST_CASE("a search whose time is over has measured the untuned schedule") {
  Scripted scripted;
  scripted.options.seconds = -1;
  scripted.time = times({}, 50);
  const Found found = scripted.search();
  CHECK(found.tried.size() == 1);
  CHECK(found.winner == 0);
}

TEST_CASE("the same seed measures the same points in the same order") {
  Scripted scripted, other;
  scripted.time = other.time = [](const std::string& point) {
    return std::optional(untuned_ns + static_cast<double>(std::hash<std::string>()(point) % 50));
  };
  for (const std::uint64_t seed : {1, 2}) {
    scripted.options.seed = other.options.seed = seed;
    const auto points = points_of(scripted.search());
    CHECK(points.size() == 17);
    CHECK(points == points_of(other.search()));
    CHECK(points == points_of(scripted.search()));
  }
}

TEST_CASE("the leaders of the model come first, then neighbours of the fastest point") {
  Scripted scripted;
  scripted.time = [](const std::string& point) -> std::optional<double> {
    if (point.empty()) return untuned_ns;
    std::int64_t rows = 0, columns = 0;
    REQUIRE(std::sscanf(point.c_str(), "tile rows=%ld columns=%ld", &rows, &columns) == 2);
    return 90 + 5 * std::abs(std::log2(static_cast<double>(rows) / 16)) +
           std::abs(std::log2(static_cast<double>(columns) / 2));
  };
  const auto leaders = scripted.leaders();
  const Found found = scripted.search();
  const auto points = points_of(found);
  REQUIRE(points.size() == 17);
  CHECK(std::vector(points.begin() + 1, points.begin() + 1 + std::ssize(leaders)) == leaders);
  for (std::size_t n = leaders.size() + 1; n < points.size(); ++n) {
    CAPTURE(points[n]);
    const auto is_new = [&](const std::string& point) {
      return std::find(points.begin(), points.begin() + n, point) == points.begin() + n;
    };
    // The fastest point so far that has a neighbour which was not measured.
    std::string fastest;
    for (std::size_t before = 1; before < n; ++before)
      if (std::ranges::any_of(scripted.neighbours(points[before]), is_new) &&
          (fastest.empty() || scripted.time(points[before]) < scripted.time(fastest)))
        fastest = points[before];
    CAPTURE(fastest);
    CHECK(contains(scripted.neighbours(fastest), points[n]));
  }
}

TEST_CASE("a walk along one knob ends at its best value") {
  for (const std::int64_t best : {1, 2, 4, 8, 16}) {
    CAPTURE(best);
    Scripted scripted;
    // All points differ in one knob, so only one is a leader. The walk finds the others.
    scripted.sketch.knobs[1].values = {8};
    scripted.sketch.seeds = {{1, 8}};
    CHECK(scripted.leaders().size() == 1);
    scripted.time = [&](const std::string& point) -> std::optional<double> {
      if (point.empty()) return untuned_ns;
      const auto rows = std::stod(point.substr(point.find("rows=") + 5));
      return 50 + std::abs(std::log2(rows / static_cast<double>(best)));
    };
    const Found found = scripted.search();
    CHECK(found.tried.size() == 6);  // then there are no neighbours left
    CHECK(winner_of(found) == fmt::format("tile rows={} columns=8", best));
  }
}

TEST_CASE("neighbours differ in one knob by one step") {
  const Scripted scripted;
  auto found = scripted.neighbours("tile rows=4 columns=1");
  std::ranges::sort(found);
  CHECK(found == std::vector<std::string>{"tile rows=2 columns=1", "tile rows=4 columns=2",
                                          "tile rows=8 columns=1"});
  CHECK(scripted.neighbours("").empty());
  CHECK(scripted.neighbours("tile rows=4").empty());
  CHECK(scripted.neighbours("other rows=4 columns=1").empty());
}

TEST_CASE("progress is told after every measurement") {
  Scripted scripted;
  scripted.time = times({}, 150);
  std::vector<std::size_t> sizes;
  scripted.options.progress = [&](const Found& found) {
    sizes.push_back(found.tried.size());
    CHECK(found.tried.back().measured_ns > 0);
  };
  const Found found = scripted.search();
  REQUIRE(sizes.size() == found.tried.size());
  for (std::size_t n = 0; n < sizes.size(); ++n) CHECK(sizes[n] == n + 1);
}

TEST_CASE("a first schedule that cannot be measured is all that is tried") {
  Scripted scripted;
  scripted.time = [](const std::string&) { return std::optional<double>(); };
  const Found slow = scripted.search();
  REQUIRE(slow.tried.size() == 1);
  CHECK(slow.tried[0].measured_ns == 0);
  CHECK(slow.tried[0].reason == "it crashed, or did not finish in time");
  scripted.reject = [](const std::string&) { return std::optional<std::string>("it crashes"); };
  const Found rejected = scripted.search();
  REQUIRE(rejected.tried.size() == 1);
  CHECK(rejected.tried[0].reason == "it crashes");
}

TEST_CASE("without a sketch only the untuned schedule is measured") {
  Scripted scripted;
  scripted.space.sketch_of = [](auto&&...) { return std::optional<Sketch>(); };
  scripted.time = times({}, 50);
  CHECK(scripted.search().tried.size() == 1);
}

TEST_CASE("what earlier searches measured is not measured again, and may win") {
  Scripted scripted;
  scripted.time = times({{"tile rows=8 columns=8", 50}, {"tile rows=4 columns=4", 20}}, 90);
  const Candidate fast = candidate_of(scripted.space, "tile rows=4 columns=4");
  const Candidate slow = candidate_of(scripted.space, "tile rows=8 columns=8");
  scripted.known = {{fast, 20, ""}, {slow, 0, "it crashes"}};
  scripted.options.measurements = 2;
  const Found found = scripted.search();
  CHECK(points_of(found) == std::vector<std::string>{"", fast.point, slow.point});
  CHECK(winner_of(found) == fast.point);
  CHECK(scripted.compared == std::vector<std::string>{fast.point});
}

TEST_CASE("an exhaustive search measures every point of a small space, and finds the fastest") {
  Scripted scripted;
  scripted.options.drawn_points = 1000;
  scripted.options.measurements = 1;
  scripted.time = times({{"tile rows=16 columns=1", 10}}, 90);
  const Found found = scripted.search();
  CHECK(found.tried.size() == 26);  // the schedule in use, and 25 points
  CHECK(winner_of(found) == "tile rows=16 columns=1");
}

TEST_CASE("a point of a kernel with other lengths becomes the nearest point of this one") {
  Scripted scripted;
  CHECK(candidate_of(scripted.space, "tile rows=14 columns=3").point == "tile rows=16 columns=2");
}
