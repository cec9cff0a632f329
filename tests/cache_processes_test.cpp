// Several processes on one file: all write at once, and any may be killed at any time.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "cache/database.h"
#include "cache/location.h"
#include "cache_support.h"

using namespace tenon;
using namespace tenon::cache_test;

namespace {

// What SQLite's own check says of the file.
std::string integrity(const std::string& file) {
  const auto answer = cache::Database(file).first<std::string>("pragma integrity_check");
  return answer.value_or("no answer");
}

int stored_rows(Cache& cache, int first, int count) {
  int found = 0;
  for (int number = first; number < first + count; ++number) {
    found += cache.find_schedule(device(), workload(number), "1") == schedule("split i") &&
             cache.find_artifact(artifact(number).key) == artifact(number);
  }
  return found;
}

// Starts eight processes that each open the file and work on it: work(watched, writer, report).
std::vector<std::unique_ptr<Child>> eight_writers(const std::string& file, const auto& work) {
  std::vector<std::unique_ptr<Child>> children;
  for (int writer = 0; writer < 8; ++writer)
    children.push_back(std::make_unique<Child>([&, writer](const Child::Report& report) {
      Watched watched(file);
      work(watched, writer, report);
    }));
  return children;
}

// Waits for eight processes that each report one exercise and a '!' for each warning. Checks that
// one of them warned, and that all of them stored their rows in the second generation.
void check_moved_on(const std::vector<std::unique_ptr<Child>>& children, const std::string& file) {
  std::string outcomes;
  for (const auto& child : children) {
    outcomes += child->finish();
  }
  CHECK(std::count(outcomes.begin(), outcomes.end(), '!') == 1);
  std::erase_if(outcomes, [](char letter) { return letter == '!' || letter == '.'; });
  CHECK(outcomes == "worksworksworksworksworksworksworksworks");
  CHECK_FALSE(std::filesystem::exists(file + ".3"));
  Watched watched(file);
  CHECK(stored_rows(watched.cache, 0, 8) == 8);
  CHECK(watched.cache.summary().path == file + ".2");
  CHECK(integrity(file + ".2") == "ok");
}

}  // namespace

TEST_CASE("eight processes open a new file and write at once") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  const auto children =
      eight_writers(file, [](Watched& watched, int writer, const Child::Report& report) {
        for (int number = 0; number < 25; ++number) {
          if (exercise(watched.cache, writer * 25 + number) != "works") report("failed ");
        }
        report("done" + watched.warned());
      });
  for (const auto& child : children) {
    CHECK(child->finish() == "done");
  }
  Watched watched(file);
  CHECK(stored_rows(watched.cache, 0, 200) == 200);
  CHECK(watched.warnings.empty());
  CHECK(integrity(file) == "ok");
}

TEST_CASE("eight processes that find garbage warn once and share the next generation") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  overwrite(file, std::string(10'000, '?'));
  const auto children =
      eight_writers(file, [](Watched& watched, int writer, const Child::Report& report) {
        report(exercise(watched.cache, writer));
        report(std::string(watched.warnings.size(), '!'));
      });
  check_moved_on(children, file);
  CHECK(contents(file) == std::string(10'000, '?'));
}

TEST_CASE("eight processes that meet damage in use warn once and share the next generation") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  const auto children =
      eight_writers(file, [&](Watched& watched, int writer, const Child::Report& report) {
        report(watched.cache.summary().path == file ? "." : "elsewhere");
        while (!std::filesystem::exists(folder / "go")) std::this_thread::yield();
        report(exercise(watched.cache, writer));
        report(std::string(watched.warnings.size(), '!'));
      });
  for (const auto& child : children) child->read_at_least(1);
  cache::Database(file).run("drop table schedule; drop table artifact");
  overwrite(folder / "go", "");
  check_moved_on(children, file);
}

TEST_CASE("logs that come and go while the file is looked at are no objection") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  std::vector<std::unique_ptr<Child>> others;
  for (const char* suffix : {"-wal", "-shm"}) {
    others.push_back(std::make_unique<Child>([&, suffix](const Child::Report& report) {
      for (report("."); true;) {
        overwrite(file + suffix, "");
        std::filesystem::remove(file + suffix);
      }
    }));
    others.back()->read_at_least(1);
  }
  for (int look = 0; look < 30'000; ++look) {
    CHECK_NOTHROW(cache::prepare_location(file));
  }
  for (const auto& other : others) other->kill_now();
}

TEST_CASE("closing a damaged generation leaves the log of the next alone") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  auto old = std::make_unique<Watched>(file);
  CHECK(exercise(old->cache, 0) == "works");
  Watched next(file);
  cache::Database(file).run("drop table schedule");
  CHECK(exercise(next.cache, 1) == "works");
  CHECK(std::filesystem::exists(file + "-wal"));
  old.reset();
  CHECK_FALSE(std::filesystem::exists(file + "-wal"));
  CHECK(std::filesystem::exists(file + ".2-wal"));
  CHECK(stored_rows(next.cache, 1, 1) == 1);
}

TEST_CASE("kill -9 among writes loses at most the row in flight") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  int first = 0;
  for (const std::size_t rows : {1, 2, 7, 20, 33}) {
    Child child([&](const Child::Report& report) {
      Watched watched(file);
      for (int number = first;; ++number) {
        watched.cache.store_schedules({{device(), workload(number), schedule("split i")}});
        watched.cache.store_artifact(artifact(number));
        report(".");
      }
    });
    child.read_at_least(rows);
    child.kill_now();
    const int reported = static_cast<int>(child.finish().size());
    CHECK(reported >= static_cast<int>(rows));

    Watched watched(file);
    CHECK(stored_rows(watched.cache, 0, first + reported) == first + reported);
    CHECK(watched.warnings.empty());
    CHECK(integrity(file) == "ok");
    first += reported;
  }
}

TEST_CASE("kill -9 while the file is created leaves one that can be used") {
  for (int round = 0; round < 20; ++round) {
    const Folder folder;
    const std::string file = folder / "tenon.sqlite";
    Child child([&](const Child::Report&) {
      Watched watched(file);
      exercise(watched.cache, 0);
    });
    for (int step = 0; step < round && !std::filesystem::exists(file); ++step) {
    }
    child.kill_now();
    CHECK_FALSE(child.finish().starts_with("crashed"));
    Watched watched(file);
    CHECK(exercise(watched.cache, 1) == "works");
    CHECK(watched.warned() == "");
    CHECK(watched.cache.summary().path == file);
  }
}

TEST_CASE("a full disk drops stores with one warning, and the file stays sound") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  const std::string outcome = in_child([&] {
    Watched watched(file);
    std::string result = exercise(watched.cache, 0);
    signal(SIGXFSZ, SIG_IGN);
    const rlimit full{.rlim_cur = 150'000, .rlim_max = 150'000};
    setrlimit(RLIMIT_FSIZE, &full);
    for (int number = 1; number < 20; ++number) {
      watched.cache.store_artifact(artifact(number, 20'000));
    }
    if (watched.cache.find_artifact(artifact(0).key) != artifact(0)) result += " but lost";
    return result + "\n" + watched.warned();
  });
  CHECK(outcome.starts_with("works\ncache: " + file));
  CHECK(outcome.ends_with("; going on without\n"));
  CHECK(std::count(outcome.begin(), outcome.end(), '\n') == 2);
  CHECK(integrity(file) == "ok");
  Watched watched(file);
  CHECK(stored_rows(watched.cache, 0, 1) == 1);
  CHECK(exercise(watched.cache, 50) == "works");
  CHECK(watched.warnings.empty());
}

TEST_CASE("a look-up waits for nobody's lock to note the use of an artifact") {
  const Folder folder;
  const std::string file = folder / "tenon.sqlite";
  std::int64_t clock = 1'000'000;
  Watched watched(file, {.now = [&] { return clock; }});
  watched.cache.store_artifact(artifact(0));
  clock += 10 * 24 * 60 * 60;
  {
    cache::Database other(file);
    other.run("begin immediate");
    CHECK(watched.cache.find_artifact(artifact(0).key) == artifact(0));
    CHECK(last_use_in(file) == 1'000'000);
  }
  CHECK(exercise(watched.cache, 1) == "works");  // no statement is left that waits for the lock
  CHECK(watched.cache.find_artifact(artifact(0).key) == artifact(0));
  CHECK(last_use_in(file) == clock);
  CHECK(watched.warnings.empty());
}
