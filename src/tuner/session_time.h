// TimeInto: adds the time that it lives to a number of seconds, and takes it off another where the
// one interval lies within the other's.
#pragma once

#include <chrono>

namespace tenon {

class TimeInto {
 public:
  explicit TimeInto(double& seconds) : seconds_(seconds) {}
  TimeInto(double& seconds, double& taken_from) : seconds_(seconds), taken_from_(&taken_from) {}
  ~TimeInto() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    seconds_ += passed.count();
    if (taken_from_) *taken_from_ -= passed.count();
  }
  TimeInto(const TimeInto&) = delete;
  TimeInto& operator=(const TimeInto&) = delete;

 private:
  double& seconds_;
  double* taken_from_ = nullptr;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tenon
