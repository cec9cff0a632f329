// Schedules leave as text and come back the same; a mistake in the text names its line.
#include "cli/schedules_file.h"

#include <doctest/doctest.h>

#include "cache_support.h"
#include "core/error.h"

using namespace tenon;
using namespace tenon::cache_test;
using cli::parse_schedules;
using cli::print_schedules;

namespace {

// The text of one schedule, with `from` in it replaced by `to`.
std::string exported(const std::string& from = "", const std::string& to = "") {
  std::string text = print_schedules({{device(), workload(), schedule("split i -> i0 i1")}});
  if (!from.empty()) {
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
  }
  return text;
}

std::string import_error(const std::string& text) {
  try {
    parse_schedules(text, "all.jsonl");
  } catch (const Error& error) {
    const std::string message = error.what(), file = "all.jsonl: ";
    return message.starts_with(file) ? message.substr(file.size()) : message;
  }
  return "none";
}

}  // namespace

TEST_CASE("the text of one schedule") {
  CHECK(exported() == R"({"tenon_schedules":1}
{"device":{"kind":"cpu","model":"Testium 3000","isa":"avx2","caches":"32K/64 1M/64","cores":4,)"
                      R"("driver":"","probed":""},)"
                      R"("workload":{"hash":")" +
                          workload().hash +
                          R"(","graph":"a = input 0\noutput sum a, axis=0",)"
                          R"("numerics":"exact"},)"
                          R"("schedule":{"engine":"1","moves":"split i -> i0 i1","point":"",)"
                          R"("predicted_ns":1250.5,"limited_by":"",)"
                          R"("measured_ns":1100.25,"samples":12,)"
                          R"("status":"tuned","reason":""}}
)");
}

TEST_CASE("schedules come back as they left, machine code does not leave") {
  Watched source("");
  DeviceRow probed = device();
  probed.probed = "copy 12.5 GB/s";
  for (int number = 0; number < 5; ++number) {
    source.cache.store_schedules({{probed, workload(number), schedule("split i")}});
    source.cache.store_schedules(
        {{device(), workload(number), schedule("split \"j\"\tµ", ScheduleStatus::picked)}});
  }
  ScheduleRow wrong = schedule("order j i", ScheduleStatus::rejected);
  wrong.reason = "timed out";
  wrong.predicted_ns = 1.0 / 3.0;
  source.cache.store_schedules({{device(), workload(), wrong}});
  source.cache.store_artifact(artifact(0));

  Watched target("");
  const std::string text = print_schedules(source.cache.schedules());
  const auto entries = parse_schedules(text, "all.jsonl");
  CHECK(entries.size() == 11);
  CHECK(target.cache.store_schedules(entries));
  CHECK(target.cache.schedules() == source.cache.schedules());
  CHECK(target.cache.summary().artifacts == 0);
  CHECK(print_schedules(target.cache.schedules()) == text);
}

TEST_CASE("exported files may be joined and imported twice") {
  Watched watched("");
  const std::string text = exported();
  const auto twice = parse_schedules(text + "\n" + text, "all.jsonl");
  CHECK(twice.size() == 2);
  CHECK(watched.cache.store_schedules(twice));
  CHECK(watched.cache.store_schedules(parse_schedules(text, "all.jsonl")));
  CHECK(watched.cache.schedules().size() == 1);
}

TEST_CASE("a mistake in the text names its line") {
  CHECK(import_error("") == "line 1: the text is empty");
  CHECK(import_error("[1]") == "line 1: a JSON object is needed");
  CHECK(import_error("{}") == R"(line 1: the first line must be {"tenon_schedules":1})");
  CHECK(import_error(R"({"tenon_schedules":2})") ==
        "line 1: tenon_schedules 2 is not known; this Tenon reads 1");
  const std::string good = exported();
  CHECK(import_error(good + "split i") == "line 3: column 1: this is not JSON");
  CHECK(import_error(good + "1e999") == "line 3: a number is too large");
  CHECK(import_error(good + "\n{}") == "line 4: device: an object is needed");
  CHECK(import_error(good.substr(0, good.size() - 3)).starts_with("line 2: column "));
}

TEST_CASE("a field of another kind is named") {
  const auto error = [](const std::string& from, const std::string& to) {
    return import_error(exported(from, to));
  };
  CHECK(error(R"("moves":"split i -> i0 i1")", R"("moves":7)") ==
        "line 2: schedule.moves: a string is needed");
  CHECK(error(R"("cores":4)", R"("cores":"4")") ==
        "line 2: device.cores: a whole number from 0 on is needed");
  CHECK(error(R"("samples":12)", R"("samples":-1)") ==
        "line 2: schedule.samples: a whole number from 0 on is needed");
  CHECK(error(R"("samples":12)", R"("samples":18446744073709551615)") ==
        "line 2: schedule.samples: a whole number from 0 on is needed");
  CHECK(error("1100.25", "null") == "line 2: schedule.measured_ns: a number from 0 on is needed");
  CHECK(error("1100.25", "-3") == "line 2: schedule.measured_ns: a number from 0 on is needed");
  CHECK(error(R"("tuned")", R"("best")") ==
        "line 2: schedule.status: picked, tuned, tried or rejected is needed");
  CHECK(error(R"("hash":")", R"("hash":"Q)") ==
        "line 2: workload.hash: lower-case hexadecimal digits are needed");
  CHECK(error(R"(,"numerics":"exact")", "") == "line 2: workload.numerics: a string is needed");
}
