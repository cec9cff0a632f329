// `tenon tune --calibrate`: fits the model to what searches have measured on this machine. For each
// limit of the model, such as "fma" or "memory", the predicted times get a factor. It says how much
// longer schedules with this limit take than other schedules of the same kernels, beside what the
// model predicts, over four fifths of what was measured. The last fifth shows whether the model
// then ranks schedules at least as well. Results never change, because every schedule gives the
// same bits.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "cache/rows.h"
#include "tuner/session/session.h"

namespace tenon::cli {

struct Calibration {
  std::map<std::string, double> factors;  // by limit
  std::size_t fitted = 0, held_out = 0;   // schedules
  // Over all pairs of held-out schedules of one kernel: the share that the model ranks as measured,
  // minus the share that it ranks the other way (Kendall's tau). Without the factors, and with.
  double before = 0, after = 0;
};

// Error: there are fewer than 50 schedules, or no two of one kernel are held out.
Calibration calibration_of(std::span<const ScheduleEntry> measured);

// Fits the model of the session's device, and stores the factors in the cache. Returns a line that
// says what changed. Failure: there are too few schedules, or the ranking would be worse.
std::string calibrate(Session& session);

}  // namespace tenon::cli
