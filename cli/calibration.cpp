#include "cli/calibration.h"

#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include <fmt/ranges.h>

#include "cli/files.h"
#include "core/error.h"
#include "tuner/session/kernel_store.h"

namespace tenon::cli {

namespace {

constexpr std::size_t fewest = 50;          // schedules
constexpr std::size_t parts = 5;            // one of them is held out
constexpr std::size_t fewest_of_limit = 5;  // schedules; a limit with fewer keeps its times
constexpr int rounds = 30;                  // of the fit; it has settled long before

// Kendall's tau over the pairs of schedules of one kernel. Nothing: there is no pair.
std::optional<double> ranking(std::span<const ScheduleEntry* const> entries,
                              const std::map<std::string, double>& factors) {
  const auto predicted = [&](const ScheduleRow& row) {
    const auto factor = factors.find(row.limited_by);
    return row.predicted_ns * (factor == factors.end() ? 1 : factor->second);
  };
  int pairs = 0, sum = 0;
  for (const ScheduleEntry* one : entries)
    for (const ScheduleEntry* other : entries) {
      if (one >= other || one->workload != other->workload) continue;
      const double order = (predicted(one->schedule) - predicted(other->schedule)) *
                           (one->schedule.measured_ns - other->schedule.measured_ns);
      ++pairs;
      sum += order > 0 ? 1 : order < 0 ? -1 : 0;
    }
  if (pairs == 0) return {};
  return static_cast<double>(sum) / pairs;
}

// The effect of each key becomes the mean of its values.
void move_to_mean(std::map<std::string, double>& effects,
                  const std::map<std::string, std::vector<double>>& values) {
  for (const auto& [key, all] : values)
    effects[key] = std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

// The logarithm of measured over predicted time is the sum of an effect of the kernel and one of
// the limit. Each is the mean of what the other leaves, by turns. The kernel's effect is the same
// for all schedules among which the model has to choose, so only the limits' are returned.
std::map<std::string, double> factors_of(std::span<const ScheduleEntry* const> entries) {
  std::map<std::string, double> of_kernel, of_limit;
  for (int round = 0; round < rounds; ++round) {
    std::map<std::string, std::vector<double>> by_kernel, by_limit;
    for (const ScheduleEntry* entry : entries) {
      const ScheduleRow& row = entry->schedule;
      const double ratio = std::log(row.measured_ns / row.predicted_ns);
      by_kernel[entry->workload.hash].push_back(ratio - of_limit[row.limited_by]);
    }
    move_to_mean(of_kernel, by_kernel);
    for (const ScheduleEntry* entry : entries) {
      const ScheduleRow& row = entry->schedule;
      const double ratio = std::log(row.measured_ns / row.predicted_ns);
      by_limit[row.limited_by].push_back(ratio - of_kernel[entry->workload.hash]);
    }
    std::erase_if(by_limit,
                  [](const auto& limit) { return limit.second.size() < fewest_of_limit; });
    move_to_mean(of_limit, by_limit);
  }
  std::map<std::string, double> factors;
  for (const auto& [limit, effect] : of_limit)
    if (effect != 0) factors[limit] = std::exp(effect);
  return factors;
}

}  // namespace

Calibration calibration_of(std::span<const ScheduleEntry> measured) {
  std::vector<const ScheduleEntry*> fitted, held_out;
  for (const ScheduleEntry& entry : measured) {
    const ScheduleRow& row = entry.schedule;
    if (row.predicted_ns <= 0 || row.measured_ns <= 0 || row.limited_by.empty()) continue;
    // The same schedules are held out in every run, and none is chosen for its time.
    const std::string hash = hash_fields({entry.workload.hash, row.moves});
    (std::stoull(hash.substr(0, 8), nullptr, 16) % parts == 0 ? held_out : fitted)
        .push_back(&entry);
  }
  if (fitted.size() + held_out.size() < fewest)
    fail(
        "not calibrated: {} schedules were measured on this machine, {} are needed; "
        "tenon tune FILE measures more",
        fitted.size() + held_out.size(), fewest);
  Calibration found;
  found.fitted = fitted.size();
  found.held_out = held_out.size();
  found.factors = factors_of(fitted);
  const auto before = ranking(held_out, {});
  if (!before)
    fail(
        "not calibrated: no kernel has two schedules among the {} that are held out; "
        "tenon tune FILE measures more",
        held_out.size());
  found.before = *before;
  found.after = *ranking(held_out, found.factors);
  return found;
}

std::string calibrate(Session& session) try {
  const std::vector<ScheduleEntry> measured = session.kernels().measured();
  const Calibration found = calibration_of(measured);
  if (found.after < found.before)
    fail(
        "not calibrated: the rank correlation of {} schedules that were held out would fall from "
        "{:.2f} to {:.2f}",
        found.held_out, found.before, found.after);
  if (!session.kernels().rescale(found.factors))
    fail("not calibrated: the cache is not written to");
  std::vector<std::string> factors;
  for (const auto& [limit, factor] : found.factors)
    factors.push_back(fmt::format("{} {:.2f}", limit, factor));
  return fmt::format(
      "calibrated with {} schedules: predicted times are multiplied by {}; "
      "rank correlation of {} others: {:.2f}, was {:.2f}",
      found.fitted, fmt::join(factors, ", "), found.held_out, found.after, found.before);
} catch (const Error& error) {  // no mistake of the user
  throw Failure(error.what());
}

}  // namespace tenon::cli
