// `tenon tune --calibrate`: what it fits, when it refuses, and how predictions change.
#include "cli/calibration.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cache_support.h"
#include "core/error.h"
#include "folder.h"
#include "session_support.h"
#include "tuner/session/kernel_store.h"

using namespace tenon;

namespace {

// Schedules of ten kernels, some limited by FMAs and some by memory. `measured` gives the measured
// time for the predicted one.
template <typename Measured>
std::vector<ScheduleEntry> entries(int of_each, Measured&& measured) {
  std::vector<ScheduleEntry> all;
  for (int kernel = 0; kernel < 10; ++kernel)
    for (int i = 0; i < of_each; ++i) {
      ScheduleRow row = cache_test::schedule("split i -> i0 i" + std::to_string(i));
      row.predicted_ns = 1000 + 37 * ((i * 7) % of_each);
      row.limited_by = i % 2 == 0 ? "fma" : "memory";
      row.measured_ns = measured(row);
      all.push_back({cache_test::device(), cache_test::workload(kernel), row});
    }
  return all;
}

double with_slow_memory(const ScheduleRow& row) {
  return row.predicted_ns * (row.limited_by == "fma" ? .5 : 4);
}

std::string message(const std::vector<ScheduleEntry>& all) {
  try {
    cli::calibration_of(all);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("the factors say how much longer a limit takes than the others") {
  const cli::Calibration found = cli::calibration_of(entries(10, with_slow_memory));
  CHECK(found.factors.size() == 2);
  CHECK(found.factors.at("memory") / found.factors.at("fma") == doctest::Approx(8));
  CHECK(found.fitted + found.held_out == 100);
  CHECK(found.held_out > 10);
  CHECK(found.held_out < 30);
  CHECK(found.after == doctest::Approx(1));
  CHECK(found.before < .9);
}

TEST_CASE("a model is not fitted to a few schedules") {
  CHECK(message(entries(4, with_slow_memory)).starts_with("not calibrated: 40 schedules "));
}

TEST_CASE("a fit that ranks worse is seen") {
  // The factor of each limit comes from a few times that are far off, and misleads the others.
  int count = 0;
  const cli::Calibration found = cli::calibration_of(entries(10, [&](const ScheduleRow& row) {
    const bool is_off = row.limited_by == "memory" && ++count % 10 == 0;
    return row.predicted_ns * (is_off ? 1e-6 : 1);
  }));
  CHECK(found.after < found.before);
}

TEST_CASE("the program calibrates, and says how the ranking changed") {
  const Folder folder;
  const auto tenon = [&](const std::string& arguments) {
    return session_test::shell(folder, "TENON_CACHE=cache.sqlite '" TENON_PROGRAM "' " + arguments);
  };
  const session_test::Outcome refused = tenon("tune --calibrate");
  CHECK(refused.code == 1);
  CHECK(refused.err.find("0 schedules were measured on this machine, 50 are needed") !=
        std::string::npos);
  CHECK(tenon("tune").code == 2);  // neither a graph nor --calibrate
}

TEST_CASE("factors multiply predictions, those that are stored and those to come") {
  const Folder folder;
  SessionOptions options;
  options.threads = 1;
  options.cache = folder / "cache.sqlite";
  Session session(options);
  KernelStore& store = session.kernels();
  const auto device_of = [&] { return store.measured(); };
  CHECK(device_of().empty());
  CHECK(store.rescale({{"fma", 2}}));
  CHECK(store.rescale({{"fma", 1.5}, {"memory", .5}}));
  const Scales scales = store.space_of(Kernel{}).machine.scales;
  CHECK(scales.at("fma") == doctest::Approx(3));
  CHECK(scales.at("memory") == doctest::Approx(.5));
  Session later(options);
  CHECK(later.kernels().space_of(Kernel{}).machine.scales == scales);
}
