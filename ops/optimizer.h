// Optimizers: each step changes the parameters so that the loss gets smaller. Used by training
// programs (see examples/digits.cpp).
//
//   Tensor weights = ..., bias = ...;
//   Adam adam({&weights, &bias}, {.rate = 1e-3});
//   for (...) {
//     Tensor loss = cross_entropy(matmul(x, weights) + bias, labels);
//     adam.step(loss);
//   }
//
// An optimizer keeps pointers to the caller's handles. The handles must outlive the optimizer and
// must not move in memory. Each step puts a new realized value into each handle, with one realize
// for the loss, all parameters and all state. So the caller builds a loss anew for each step, no
// graph grows from step to step, and memory stays flat. The learning rate and the corrections for
// the number of the step enter as rank-0 leaves, so the steps after the first compile nothing.
// step() drops the graph of the loss, which keeps its value.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace tenon {

// Stochastic gradient descent with momentum: v = momentum v + gradient, p = p - rate v. Paper:
// Sutskever et al., http://proceedings.mlr.press/v28/sutskever13.html, without Nesterov's variant.
struct SgdOptions {
  double rate = 0.01;
  double momentum = 0;
};
class Sgd {
 public:
  explicit Sgd(std::vector<Tensor*> parameters, SgdOptions options = {});

  // One step down the gradient of `loss` (rank 0, f32), which is realized on the way.
  void step(const Tensor& loss);
  void set_rate(double rate) { options_.rate = rate; }

 private:
  std::vector<Tensor*> parameters_;
  std::vector<Tensor> velocity_;  // empty without momentum
  SgdOptions options_;
};

// Adam, https://arxiv.org/abs/1412.6980, algorithm 1.
struct AdamOptions {
  double rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  // how slowly the two moments forget
  double epsilon = 1e-8;
};
class Adam {
 public:
  explicit Adam(std::vector<Tensor*> parameters, AdamOptions options = {});

  // One step down the gradient of `loss` (rank 0, f32), which is realized on the way.
  void step(const Tensor& loss);
  void set_rate(double rate) { options_.rate = rate; }

 private:
  std::vector<Tensor*> parameters_;
  std::vector<Tensor> first_, second_;  // the two moments of each parameter
  AdamOptions options_;
  std::int64_t steps_ = 0;  // taken so far
};

}  // namespace tenon
