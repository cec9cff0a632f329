// Measuring schedules of one kernel in this process. `tenon worker` does it, so that a schedule
// that crashes ends only that process; worker.h is the other end of the pipe.
//
// The first run of each schedule is checked: inputs are random, all buffers stand between guard
// zones, outputs are filled with NaN before, and the bits must be those of schedule 0. A time is
// the least of five batches of about a millisecond, between batches of schedule 0. A batch during
// which the system took the processor away is repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "codegen/backend.h"
#include "lower/fusion.h"
#include "tuner/search/search.h"

namespace tenon {

class Measurement {
 public:
  // Keeps a reference to the backend. Error: there is not enough memory for the buffers.
  Measurement(const Backend& backend, const KernelGraph& graph);
  ~Measurement();

  // As in Meter. Number 0 is prepared first.
  std::optional<std::string> prepare(int number, const std::string& moves);
  double time(int number);
  Comparison compare(int first, int second);

 private:
  struct Guarded;
  void draw();  // the values of the inputs
  void run(int number);
  double batch(int number, std::int64_t runs);  // ns a run
  std::int64_t runs_for(int number);            // that take a millisecond

  const Backend& backend_;
  Kernel naive_;
  std::vector<Guarded> buffers_;
  std::vector<void*> arguments_;
  std::unordered_map<int, Device::ProgramRef> programs_;
  std::unordered_map<int, std::int64_t> runs_;
  double first_ns_ = 0;  // of schedule 0, when it was first measured
};

}  // namespace tenon
