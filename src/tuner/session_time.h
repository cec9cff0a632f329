// TimeInto: adds the time that it lives to a number of seconds, and takes it off another where the
// one interval lies within the other's.
#pragma once

#include <chrono>

namespace tenon {

class TimeInto {
 public:
  explicit TimeInto(double& seconds, double* taken_from = nullptr)
      : seconds_(seconds), taken_from_(taken_from), start_(std::chrono::steady_clock::now()) {}
  ~TimeInto() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    seconds_ += passed.count();
    if (taken_from_) *taken_from_ -= passed.count();
  }
  TimeInto(const TimeInto&) = delete;
  TimeInto& operator=(const TimeInto&) = delete;

 private:
  double& seconds_;
  double* taken_from_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace tenon
