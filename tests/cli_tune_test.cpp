// `tenon tune` as people meet it: what it prints, what a later process finds, and how it fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "cli/npy.h"
#include "session_support.h"

using namespace tenon;
using session_test::Outcome;

namespace {

// A folder with a product of two matrices, and a cache of its own.
class Workplace : public Folder {
 public:
  Workplace() {
    file("g.tenon",
         "a = input f32[40,48]\nb = input f32[48,56]\nc = relu(matmul(a, b))\noutput c\n");
    file("a.npy", cli::npy_header(Type::f32, {40, 48}) + std::string(4 * 40 * 48, '\0'));
    file("b.npy", cli::npy_header(Type::f32, {48, 56}) + std::string(4 * 48 * 56, '\0'));
  }
  Outcome tenon(const std::string& arguments, const std::string& before = "") const {
    return session_test::shell(
        *this, before + " TENON_CACHE=cache.sqlite '" TENON_PROGRAM "' " + arguments);
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a later process runs what was tuned, compiles nothing and measures nothing") {
  const Workplace place;
  const Outcome tuned = place.tenon("tune g.tenon --measurements 3 --budget 1000");
  CHECK(tuned.err == "");
  CHECK(has(tuned.out, "kernel 1 of 1, "));
  CHECK(has(tuned.out, "times as fast as before, 3 candidates"));
  CHECK(tuned.code == 0);

  const Outcome run =
      place.tenon("run g.tenon --input a=a.npy --input b=b.npy --output c=c.npy --statistics");
  CHECK(has(run.err, "compiled: 0, from cache: 1;"));
  CHECK(run.code == 0);

  const Outcome shown = place.tenon("explain g.tenon --stage search --stage cache");
  CHECK(has(shown.out, "== search: c\nfacts: 0.215 MFLOP in sums of products, "));
  CHECK(has(shown.out, "\ntuned "));
  CHECK(has(shown.out, "schedule: tuned, engine "));
  CHECK(has(shown.out, ", there\n"));

  const Outcome listed = place.tenon("cache ls");
  CHECK(has(listed.out, "schedules: 4, compiled kernels: 1 "));
}

TEST_CASE("before tuning, explain shows what the model ranks first") {
  const Workplace place;
  const Outcome shown = place.tenon("explain g.tenon --stage search");
  CHECK(has(shown.out, "\nleader "));
  CHECK(has(shown.out, "product column="));
}

TEST_CASE("kernels that are no products are tuned too, statement by statement") {
  const Workplace place;
  place.file("s.tenon", "x = input f32[8,200]\ny = softmax(x)\noutput y\n");
  const Outcome tuned = place.tenon("tune s.tenon --measurements 3 --budget 1000");
  CHECK(has(tuned.out, "kernel 1 of 1, "));
  CHECK(has(tuned.out, "times as fast as before, 3 candidates"));
  CHECK(has(tuned.out, "tile column="));
  CHECK(has(tuned.out, "; tile column="));
  CHECK(tuned.code == 0);
}

TEST_CASE("TENON_TUNE tunes inside a program after its first result, and a later process has it") {
  const Workplace place;
  const std::string run = "run g.tenon --input a=a.npy --input b=b.npy --output c=c.npy";
  const auto status = [&] {
    const Outcome shown = place.tenon("explain g.tenon --stage cache");
    return shown.out.substr(shown.out.find("schedule: "), 16);
  };
  CHECK(place.tenon(run).code == 0);
  CHECK(status() == "schedule: picked");
  const Outcome tuned = place.tenon(run, "TENON_TUNE=1000");
  CHECK(tuned.err == "");
  CHECK(tuned.code == 0);
  CHECK(status() == "schedule: tuned,");
  const Outcome later = place.tenon(run + " --statistics", "TENON_TUNE=1000 TENON_WORKER=./no");
  CHECK(has(later.err, "compiled: 0, from cache: 1;"));  // and nothing is left to tune
  CHECK(!has(later.err, "warning"));
}

TEST_CASE("inside a program, tuning without the worker's program is one warning") {
  const Workplace place;
  const Outcome run = place.tenon("run g.tenon --input a=a.npy --input b=b.npy --output c=c.npy",
                                  "TENON_TUNE=1 TENON_WORKER=./nowhere");
  CHECK(run.err.starts_with("tenon: warning: tuning needs the program ./nowhere"));
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  CHECK(run.code == 0);
  const Outcome wrong = place.tenon("explain g.tenon", "TENON_TUNE=fast");
  CHECK(wrong.err == "tenon: TENON_TUNE=fast: give seconds, such as TENON_TUNE=10\n");
  CHECK(wrong.code == 2);
}

TEST_CASE("a profile has a line for each kernel") {
  const Workplace place;
  const Outcome run =
      place.tenon("run g.tenon --input a=a.npy --input b=b.npy --output c=c.npy --profile");
  CHECK(has(run.err, "GFLOP/s"));
  CHECK(has(run.err, "%  map\n"));
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 2);
  CHECK(run.code == 0);
  const Outcome interpreted =
      place.tenon("run g.tenon --input a=a.npy --input b=b.npy --profile --device interpret");
  CHECK(interpreted.err ==
        "tenon: --profile: --device interpret has no kernels; leave out one of them\n");
}

TEST_CASE("a kernel with other lengths starts from the point of a tuned one") {
  const Workplace place;
  const auto product = [&](const char* name, int n) {
    const std::string size = std::to_string(n);
    place.file(name, "x = input f32[" + size + ",48]\ny = input f32[48," + size +
                         "]\nz = relu(matmul(x, y))\noutput z\n");
  };
  product("near.tenon", 60);
  product("far.tenon", 200);
  CHECK(place.tenon("tune g.tenon --measurements 3 --budget 1000").code == 0);
  CHECK(has(place.tenon("explain near.tenon --stage cache").out, "as the tuned kernel "));
  CHECK_FALSE(has(place.tenon("explain far.tenon --stage cache").out, "as the tuned kernel "));

  // The schedules of one cache serve another one, and are not written.
  CHECK(place.tenon("cache export lent.sqlite").code == 0);
  const std::string lent =
      "TENON_SCHEDULES=lent.sqlite TENON_CACHE=other.sqlite '" TENON_PROGRAM "' ";
  const auto with_lent = [&](const std::string& arguments) {
    return session_test::shell(place, lent + arguments);
  };
  CHECK(has(with_lent("explain g.tenon --stage cache").out, "schedule: tuned, engine "));
  CHECK(has(with_lent("explain near.tenon --stage cache").out, "as the tuned kernel "));
}

TEST_CASE("what was tuned can be verified by the interpreter") {
  const Workplace place;
  const Outcome tuned = place.tenon("tune g.tenon --measurements 1 --verify");
  CHECK(has(tuned.out, "verified: 16 elements agree with the interpreter\n"));
  CHECK(tuned.code == 0);
}

TEST_CASE("a search goes on where another one ended") {
  const Workplace place;
  CHECK(place.tenon("tune g.tenon --measurements 3 --budget 1000").code == 0);
  const Outcome more = place.tenon("tune g.tenon --measurements 5 --budget 1000 --resume");
  CHECK(has(more.out, ", 5 candidates"));
  CHECK(has(place.tenon("cache ls").out, "schedules: 6, "));
}

TEST_CASE("without the worker's program, tuning says so in one line") {
  const Workplace place;
  const Outcome failed = place.tenon("tune g.tenon", "TENON_WORKER=./nowhere");
  CHECK(failed.out == "");
  CHECK(failed.err ==
        "tenon: tuning needs the program ./nowhere, which cannot be started: No such file or "
        "directory; set TENON_WORKER to the path of tenon\n");
  CHECK(failed.code == 1);
}

TEST_CASE("outputs that are one node, and graphs without kernels, are no mistake") {
  const Workplace place;
  place.file("two.tenon",
             "a = input f32[40,48]\nb = input f32[48,56]\nc = matmul(a, b)\nd = matmul(a, b)\n"
             "output c, d\n");
  const Outcome twice = place.tenon("tune two.tenon --measurements 1");
  CHECK(has(twice.out, "kernel 1 of 1, "));
  CHECK(twice.code == 0);
  place.file("none.tenon", "a = input f32[4]\noutput a\n");
  CHECK(place.tenon("tune none.tenon").out ==
        "no kernel computes an element, so there is nothing to tune\n");
}

TEST_CASE("a second search begins with what the first one found") {
  const Workplace place;
  CHECK(place.tenon("tune g.tenon --measurements 3 --budget 1000").code == 0);
  const Outcome again = place.tenon("tune g.tenon --budget 0");
  CHECK(has(again.out, "1.00 times as fast as before, 0 candidates"));
  CHECK(has(place.tenon("explain g.tenon --stage cache").out, "schedule: tuned, engine "));
}
