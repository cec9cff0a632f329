// What is stored is found, under exactly its name, and nothing else is.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cache_support.h"

using namespace tenon;
using namespace tenon::cache_test;

namespace {

std::string moves_found(Cache& cache, const DeviceRow& on, const WorkloadRow& what,
                        const std::string& engine = "1") {
  const auto found = cache.find_schedule(on, what, engine);
  return found ? found->moves : "none";
}

ScheduleStatus status_found(Cache& cache, const std::string& moves) {
  for (const ScheduleEntry& entry : cache.schedules()) {
    if (entry.schedule.moves == moves) return entry.schedule.status;
  }
  return ScheduleStatus::rejected;
}

}  // namespace

TEST_CASE("a second process hits everything that a first one stored") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  const std::string stored = in_child([&] {
    Watched first(file);
    for (int number = 0; number < 20; ++number) {
      if (exercise(first.cache, number) != "works") return std::string("store failed");
    }
    return "stored" + first.warned();
  });
  CHECK(stored == "stored");

  Watched second(file);
  for (int number = 0; number < 20; ++number) {
    const auto found = second.cache.find_schedule(device(), workload(number), "1");
    REQUIRE(found.has_value());
    CHECK(*found == schedule("split i"));
    CHECK(second.cache.find_artifact(artifact(number).key) == artifact(number));
  }
  CHECK(second.warnings.empty());
  CHECK(second.cache.summary().schedules == 20);
  CHECK(second.cache.summary().path == file);
}

TEST_CASE("a schedule is found only for its own device, workload and engine") {
  Watched watched("");
  Cache& cache = watched.cache;
  cache.store_schedules({{device(), workload(), schedule("split i")}});
  CHECK(moves_found(cache, device(), workload()) == "split i");
  CHECK(moves_found(cache, device(), workload(), "2") == "none");

  std::vector<DeviceRow> others(6, device());
  others[0].kind = "cuda";
  others[1].model = "Testium 4000";
  others[2].isa = "avx512";
  others[3].caches = "32K/64 2M/64";
  others[4].cores = 8;
  others[5].driver = "550";
  for (const DeviceRow& other : others) {
    CHECK(moves_found(cache, other, workload()) == "none");
  }
  DeviceRow probed = device();
  probed.probed = "copy 12 GB/s";
  CHECK(moves_found(cache, probed, workload()) == "split i");

  std::vector<WorkloadRow> changed(2, workload());
  changed[0].graph += " ";
  changed[1].numerics = "tf32";
  for (const WorkloadRow& other : changed) {
    CHECK(moves_found(cache, device(), other) == "none");
  }
}

TEST_CASE("two graphs of one hash live side by side") {
  Watched watched("");
  const WorkloadRow sum = workload(1);
  WorkloadRow product = workload(2);
  product.hash = sum.hash;
  watched.cache.store_schedules({{device(), sum, schedule("split i")}});
  CHECK(moves_found(watched.cache, device(), product) == "none");
  watched.cache.store_schedules({{device(), product, schedule("split j")}});
  CHECK(moves_found(watched.cache, device(), sum) == "split i");
  CHECK(moves_found(watched.cache, device(), product) == "split j");
  CHECK(watched.cache.schedules(sum.hash).size() == 2);
}

TEST_CASE("the tuned schedule comes before the picked one, and a new winner surpasses the old") {
  Watched watched("");
  Cache& cache = watched.cache;
  const auto store = [&](const std::string& moves, ScheduleStatus status) {
    cache.store_schedules({{device(), workload(), schedule(moves, status)}});
    return moves_found(cache, device(), workload());
  };
  CHECK(store("bad", ScheduleStatus::rejected) == "none");
  CHECK(store("slow", ScheduleStatus::tried) == "none");
  CHECK(store("first", ScheduleStatus::picked) == "first");
  CHECK(store("second", ScheduleStatus::tuned) == "second");
  CHECK(store("third", ScheduleStatus::picked) == "second");
  CHECK(status_found(cache, "first") == ScheduleStatus::tried);
  CHECK(store("second", ScheduleStatus::picked) == "second");
  CHECK(status_found(cache, "second") == ScheduleStatus::tuned);
  CHECK(store("fourth", ScheduleStatus::tuned) == "fourth");
  CHECK(status_found(cache, "second") == ScheduleStatus::tried);
}

TEST_CASE("probed numbers of a device stay when a schedule is stored without them") {
  Watched watched("");
  DeviceRow probed = device();
  probed.probed = "copy 12 GB/s";
  watched.cache.store_schedules({{probed, workload(), schedule("split i")}});
  watched.cache.store_schedules({{device(), workload(), schedule("split j")}});
  for (const ScheduleEntry& entry : watched.cache.schedules()) CHECK(entry.device == probed);
  CHECK(watched.cache.schedules().size() == 2);
}

TEST_CASE("every part of an artifact's identity changes its key") {
  Watched watched("");
  ArtifactRow stored = artifact(0);
  stored.key = hash_fields({"split i", "sum", "avx2", "LLVM 19.1.7", "O2", "b1"});
  CHECK(stored.key.size() == 32);
  watched.cache.store_artifact(stored);
  CHECK(watched.cache.find_artifact(stored.key) == stored);
  for (const std::string& other :
       {hash_fields({"split j", "sum", "avx2", "LLVM 19.1.7", "O2", "b1"}),
        hash_fields({"split i", "max", "avx2", "LLVM 19.1.7", "O2", "b1"}),
        hash_fields({"split i", "sum", "avx512", "LLVM 19.1.7", "O2", "b1"}),
        hash_fields({"split i", "sum", "avx2", "LLVM 19.1.8", "O2", "b1"}),
        hash_fields({"split i", "sum", "avx2", "LLVM 19.1.7", "O3", "b1"}),
        hash_fields({"split i", "sum", "avx2", "LLVM 19.1.7", "O2", "b2"}),
        hash_fields({"split i", "sum", "avx2", "LLVM 19.1.7", "", "O2b1"}),
        hash_fields({"split is", "um", "avx2", "LLVM 19.1.7", "O2", "b1"})})
    CHECK_FALSE(watched.cache.find_artifact(other).has_value());
}

TEST_CASE("hashes are the same on every machine and in every release") {
  CHECK(hash_fields({}) == "99aa06d3014798d86001c324468d497f");  // XXH3_128bits of nothing
  CHECK(hash_fields({"ab", "c"}) != hash_fields({"a", "bc"}));
  CHECK(hash_fields({"a", ""}) != hash_fields({"a"}));
}

TEST_CASE("an artifact may be empty, replaced and forgotten") {
  Watched watched("");
  ArtifactRow empty{.key = "00", .meta = "", .code = {}};
  watched.cache.store_artifact(empty);
  CHECK(watched.cache.find_artifact("00") == empty);
  empty.meta = "entry 3";
  watched.cache.store_artifact(empty);
  CHECK(watched.cache.find_artifact("00") == empty);
  watched.cache.forget_artifact("00");
  CHECK_FALSE(watched.cache.find_artifact("00").has_value());
}

TEST_CASE("the least recently used artifacts go when the limit is reached") {
  std::int64_t clock = 1'000'000;
  constexpr std::int64_t day = 24 * 60 * 60;
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  Watched watched(file, {.artifact_limit = 10'500, .now = [&] { return clock; }});
  Cache& cache = watched.cache;
  const auto keys = [&] {
    const std::vector<std::string> stored = artifact_keys(file);
    std::vector<int> present;
    for (int number = 0; number < 6; ++number) {
      if (std::ranges::count(stored, artifact(number).key) > 0) present.push_back(number);
    }
    return present;
  };
  for (int number = 0; number < 3; ++number) {
    cache.store_artifact(artifact(number));
    clock += day;
  }
  CHECK(cache.find_artifact(artifact(0).key).has_value());  // three days old: used again
  cache.store_artifact(artifact(3));
  CHECK(keys() == std::vector<int>{0, 2, 3});
  cache.store_artifact(artifact(4, 9'000));
  CHECK(keys() == std::vector<int>{4});
  cache.store_artifact(artifact(5, 11'000));  // by itself over the limit
  CHECK(keys() == std::vector<int>{4});
  cache.store_artifact(artifact(0, 100));
  CHECK(cache.summary().artifact_bytes ==
        9'100 + static_cast<std::int64_t>(2 * artifact(0).meta.size()));
  CHECK(cache.prune(1'000) == 1);
  CHECK(keys() == std::vector<int>{0});
}

TEST_CASE("a hit writes the last use only when that is more than a day old") {
  std::int64_t clock = 1'000'000;
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  Watched watched(file, {.now = [&] { return clock; }});
  watched.cache.store_artifact(artifact(0));
  const auto last_use = [&] {
    CHECK(watched.cache.find_artifact(artifact(0).key).has_value());
    return last_use_in(file);
  };
  clock += 24 * 60 * 60;
  CHECK(last_use() == 1'000'000);
  clock += 1;
  CHECK(last_use() == clock);
}

TEST_CASE("pruning and clearing give the space back") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  Watched watched(file);
  for (int number = 0; number < 10; ++number) {
    watched.cache.store_artifact(artifact(number, 100'000));
  }
  watched.cache.store_schedules({{device(), workload(), schedule("split i")}});
  CHECK(watched.cache.prune(450'000) == 6);
  CHECK(watched.cache.summary().artifacts == 4);
  CHECK(std::filesystem::file_size(file) < 600'000);
  CHECK(watched.cache.clear() == 5);
  CHECK(watched.cache.schedules().empty());
  CHECK(std::filesystem::file_size(file) < 100'000);
  CHECK(watched.warnings.empty());
}

TEST_CASE("one cache serves many threads") {
  const Folder folder;
  Watched watched(folder / "tenon.sqlite");
  std::vector<std::string> outcomes(6);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < outcomes.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0; number < 10; ++number) {
        outcomes[thread] += exercise(watched.cache, static_cast<int>(thread) * 10 + number);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::string& outcome : outcomes) {
    CHECK(outcome == "worksworksworksworksworksworksworksworksworksworks");
  }
  CHECK(watched.cache.summary().schedules == 60);
}
