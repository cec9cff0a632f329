#include "ops/optimizer.h"

#include <cmath>
#include <unordered_set>

#include "ops/arithmetic.h"
#include "ops/functions.h"
#include "ops/gradient.h"
#include "ops/operands.h"

namespace tenon {
namespace {

std::vector<Tensor> zeros_like(const std::vector<Tensor*>& parameters) {
  std::vector<Tensor> zeros;
  for (const Tensor* parameter : parameters) {
    const std::vector<float> bytes(elements(parameter->shape()), 0.0F);
    zeros.push_back(from_bytes(parameter->executor(), Type::f32, parameter->shape(), bytes.data()));
  }
  return zeros;
}

// A value that changes from step to step, as a leaf.
Tensor scalar_leaf(Executor& executor, double value, std::string name) {
  const float rounded = static_cast<float>(value);
  return from_bytes(executor, Type::f32, {}, &rounded, std::move(name));
}

std::vector<Tensor> gradients_of(const Tensor& loss, const std::vector<Tensor*>& parameters) {
  std::vector<Tensor> values;
  for (const Tensor* parameter : parameters) values.push_back(*parameter);
  return gradients(loss, values);
}

// The realized tensors as independent values: gradients end at them, and they do not keep the graph
// of the step that computed them.
std::vector<Tensor> independent(std::vector<Tensor> tensors) {
  for (Tensor& tensor : tensors) tensor = Tensor(tensor.executor(), tensor.node());
  return tensors;
}

void set(const std::vector<Tensor*>& parameters, const std::vector<Tensor>& values) {
  const std::vector<Tensor> fresh = independent(values);
  for (std::size_t i = 0; i < parameters.size(); ++i) *parameters[i] = fresh[i];
}

void append(std::vector<Tensor>& to, const std::vector<Tensor>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Realizes the parameters and makes them independent. If two parameters are one node, because they
// begin with equal values, one of them gets a leaf of its own.
void realize_parameters(std::string_view name, const std::vector<Tensor*>& parameters) {
  if (parameters.empty()) fail("{}: no parameters; name at least one to improve", name);
  std::vector<Tensor> values;
  for (const Tensor* parameter : parameters) {
    if (parameter->type() != Type::f32)
      fail("{}: a parameter is {}; all must be f32", name, describe(*parameter));
    values.push_back(*parameter);
  }
  realize(values);
  set(parameters, values);
  std::unordered_set<const Node*> known;
  for (Tensor* parameter : parameters)
    if (!known.insert(parameter->node().get()).second)
      *parameter = from_bytes(parameter->executor(), Type::f32, parameter->shape(),
                              parameter->to_vector<float>().data());
}

}  // namespace

Sgd::Sgd(std::vector<Tensor*> parameters, SgdOptions options)
    : parameters_(std::move(parameters)), options_(options) {
  realize_parameters("Sgd", parameters_);
  if (options_.momentum != 0) velocity_ = zeros_like(parameters_);
}

void Sgd::step(const Tensor& loss) {
  const std::vector<Tensor> slopes = gradients_of(loss, parameters_);
  const Tensor rate = scalar_leaf(loss.executor(), options_.rate, "rate");
  std::vector<Tensor> values, velocity;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor direction = slopes[i];
    if (!velocity_.empty()) {
      direction = velocity_[i] * options_.momentum + direction;
      velocity.push_back(direction);
    }
    values.push_back(*parameters_[i] - rate * direction);
  }
  std::vector<Tensor> wanted{loss};
  append(wanted, values);
  append(wanted, velocity);
  realize(wanted);
  set(parameters_, values);
  velocity_ = independent(std::move(velocity));
  loss.let_go();
}

Adam::Adam(std::vector<Tensor*> parameters, AdamOptions options)
    : parameters_(std::move(parameters)), options_(options) {
  realize_parameters("Adam", parameters_);
  first_ = zeros_like(parameters_);
  second_ = zeros_like(parameters_);
}

void Adam::step(const Tensor& loss) {
  ++steps_;
  const auto [rate, beta1, beta2, epsilon] = options_;
  const double taken = static_cast<double>(steps_);
  // The corrections of the moments' bias towards their start, zero.
  const Tensor first_scale =
      scalar_leaf(loss.executor(), rate / (1 - std::pow(beta1, taken)), "adam.first");
  const Tensor second_scale =
      scalar_leaf(loss.executor(), 1 / (1 - std::pow(beta2, taken)), "adam.second");

  const std::vector<Tensor> slopes = gradients_of(loss, parameters_);
  std::vector<Tensor> values, first, second;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    first.push_back(first_[i] * beta1 + slopes[i] * (1 - beta1));
    second.push_back(second_[i] * beta2 + square(slopes[i]) * (1 - beta2));
    values.push_back(*parameters_[i] -
                     first_scale * first[i] / (sqrt(second_scale * second[i]) + epsilon));
  }
  std::vector<Tensor> wanted{loss};
  for (const std::vector<Tensor>* group : {&values, &first, &second}) append(wanted, *group);
  realize(wanted);
  set(parameters_, values);
  first_ = independent(std::move(first));
  second_ = independent(std::move(second));
  loss.let_go();
}

}  // namespace tenon
