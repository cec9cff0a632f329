// Timer: on destruction, adds its lifetime to a number of seconds. Used for Statistics.
#pragma once

#include <chrono>

namespace tenon {

class Timer {
 public:
  // The lifetime of a timer that runs inside another one is taken off the outer one's seconds.
  explicit Timer(double& seconds, double* outer = nullptr) : seconds_(seconds), outer_(outer) {}
  ~Timer() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    seconds_ += passed.count();
    if (outer_) *outer_ -= passed.count();
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  double& seconds_;
  double* outer_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tenon
