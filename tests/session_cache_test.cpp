// The session and the cache: what a second session finds, and what it does not.
#include <doctest/doctest.h>

#include "cache/cache.h"
#include "cache_support.h"
#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/reductions.h"
#include "ops/views.h"
#include "session_support.h"
#include "tuner/session/session.h"

using namespace tenon;

namespace {

SessionOptions options_in(const Folder& folder) {
  SessionOptions options;
  options.threads = 1;
  options.cache = folder / "cache.sqlite";
  return options;
}

// Runs a graph of several kernels; returns its values.
std::vector<float> run(Session& session) {
  const Tensor a = session.tensor(std::vector<float>(64, 0.5F), {8, 8});
  const Tensor b = session.tensor(std::vector<float>(64, 0.25F), {8, 8});
  return matmul(softmax(matmul(a, b), -1), b).to_vector<float>();
}

}  // namespace

TEST_CASE("a second session neither lowers nor compiles") {
  const Folder folder;
  Session cold(options_in(folder));
  const auto values = run(cold);
  CHECK(cold.statistics().compiled >= 1);
  CHECK(cold.statistics().from_cache == 0);
  Session warm(options_in(folder));
  CHECK(run(warm) == values);
  CHECK(warm.statistics().compiled == 0);
  CHECK(warm.statistics().lowered == 0);
  CHECK(warm.statistics().from_cache == cold.statistics().compiled);
}

TEST_CASE("other instructions miss") {
  if (widest_isa() == Isa::fma128) return;  // there are no others
  const Folder folder;
  Session first(options_in(folder));
  const auto values = run(first);
  SessionOptions narrow = options_in(folder);
  narrow.isa = "fma128";
  Session other(narrow);
  CHECK(run(other) == values);
  CHECK(other.statistics().from_cache == 0);
  CHECK(other.statistics().compiled == first.statistics().compiled);
}

TEST_CASE("an empty path keeps nothing") {
  SessionOptions options;
  options.threads = 1;
  options.cache = "";
  for (int round = 0; round < 2; ++round) {
    Session session(options);
    run(session);
    CHECK(session.statistics().compiled >= 1);
  }
}

TEST_CASE("schedules from the cache that are nonsense are replaced by the untuned schedule") {
  const Folder folder;
  std::vector<float> values;
  {
    Session session(options_in(folder));
    values = run(session);
  }
  {
    Cache cache(CacheOptions{folder / "cache.sqlite"});
    for (const ScheduleEntry& entry : cache.schedules()) {
      ScheduleRow nonsense = entry.schedule;
      nonsense.engine = nonsense.engine.substr(0, nonsense.engine.find(' '));  // any build
      nonsense.status = ScheduleStatus::tuned;
      nonsense.moves = entry.schedule.moves.empty() ? "split nowhere -> a b(4)" : "not a move";
      cache.store_schedules({{entry.device, entry.workload, nonsense}});
    }
  }
  Session session(options_in(folder));
  CHECK(run(session) == values);
}

TEST_CASE("a schedule from the cache holds whatever the leaves are called") {
  const Folder folder;
  const auto run_named = [&](const std::string& left, const std::string& right) {
    Session session(options_in(folder));
    const std::vector<float> values(64 * 64, 0.5F);
    const Tensor a = session.tensor(values, {64, 64}, left);
    matmul(a, transpose(session.tensor(values, {64, 64}, right))).realize();
    return session.statistics().compiled;
  };
  CHECK(run_named("a", "b") == 1);
  Cache cache(CacheOptions{folder / "cache.sqlite"});
  for (const std::string& key : cache_test::artifact_keys(folder / "cache.sqlite"))
    cache.forget_artifact(key);
  const auto before = cache.schedules();
  REQUIRE(before.size() == 1);
  CHECK(before[0].schedule.moves.find("stage in1 at") != std::string::npos);
  CHECK(run_named("x", "y") == 1);
  const auto after = cache.schedules();
  REQUIRE(after.size() == 1);
  CHECK(after[0].schedule.moves == before[0].schedule.moves);
  CHECK(after[0].schedule.status == ScheduleStatus::picked);
}

TEST_CASE("code from the cache that cannot be used is compiled again") {
  const Folder folder;
  {
    Session session(options_in(folder));
    run(session);
  }
  {
    Cache cache(CacheOptions{folder / "cache.sqlite"});
    for (const std::string& key : cache_test::artifact_keys(folder / "cache.sqlite")) {
      ArtifactRow artifact = *cache.find_artifact(key);
      artifact.meta = "entry beyond reason";
      cache.forget_artifact(key);
      cache.store_artifact(artifact);
    }
  }
  Session session(options_in(folder));
  run(session);
  CHECK(session.statistics().compiled >= 1);
  CHECK(session.statistics().from_cache == 0);
  Session again(options_in(folder));
  run(again);
  CHECK(again.statistics().compiled == 0);
}

TEST_CASE("a sum of what is kept has the order of its own graph, whatever was in the cache") {
  const Folder folder;
  std::vector<float> values(100 * 200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0F / static_cast<float>(i + 1);
  const auto sum_of_columns = [&](Session& session) {
    const Tensor columns = permute(session.tensor(values, {200, 100}), {1, 0});
    const Tensor total = sum(columns, {1});
    realize(std::vector{columns, total});
    return total.to_vector<float>();
  };
  SessionOptions alone;
  alone.cache = "";
  Session fresh(alone), other(options_in(folder));
  sum(other.tensor(values, {100, 200}), {1}).realize();
  CHECK(sum_of_columns(other) == sum_of_columns(fresh));
}

TEST_CASE("moves by hand are applied, kept by their text, and refused with their line") {
  const Folder folder;
  const auto with_moves = [&](const std::string& moves) {
    SessionOptions options = options_in(folder);
    const Schedule schedule = parse_schedule(moves, "hand.moves");
    options.moves = [schedule](auto naive) {
      return std::vector(naive.size(), std::optional(schedule));
    };
    return options;
  };
  const auto sum = [](Session& session) {
    const Tensor x = session.tensor(std::vector<float>(12, 0.5F), {3, 4});
    return (x + x).to_vector<float>();
  };
  Session plain(options_in(folder));
  const auto values = sum(plain);
  Session wrong(with_moves("\nbind nowhere parallel"));
  try {
    sum(wrong);
    CHECK(false);
  } catch (const MovesError& error) {
    CHECK(std::string(error.what()) == "hand.moves:2: bind nowhere parallel: no axis nowhere");
  }
  Session empty(with_moves(""));
  CHECK(sum(empty) == values);
  const auto bits = [&](Tensor (*to)(const Tensor&, Type)) {
    const Tensor x = empty.tensor(std::vector<float>{1}, {1});
    return to(x, Type::i32).to_vector<std::int32_t>()[0];
  };
  CHECK(bits(cast) == 1);
  CHECK(bits(bitcast) == 0x3f800000);
  SessionOptions silent = options_in(folder);
  silent.moves = [](auto) { return std::vector<std::optional<Schedule>>(); };
  Session unmoved(silent);
  CHECK(sum(unmoved) == values);
}
