#include "core/tensor.h"

#include "core/error.h"

namespace tenon {

struct Tensor::State {
  Executor* executor;
  NodeRef node;
};

Tensor::Tensor(Executor& executor, NodeRef node)
    : state_(std::make_shared<State>(State{&executor, std::move(node)})) {}

Tensor::State& Tensor::state() const {
  if (!state_) fail("an empty tensor was used; give it a value first");
  return *state_;
}

const NodeRef& Tensor::node() const { return state().node; }

Executor& Tensor::executor() const { return *state().executor; }

std::int64_t Tensor::extent(int axis) const {
  return shape()[axis_from_front("extent", shape(), axis)].value();
}

const Tensor& Tensor::realize() const {
  if (!node()->as<BufferLeaf>()) state_->node = executor().realize({&state_->node, 1})[0];
  return *this;
}

template <typename T>
std::vector<T> Tensor::to_vector() const {
  if (type_of<T>() != type())
    fail("to_vector: the tensor is {}, not {}; cast it first", info(type()).name,
         info(type_of<T>()).name);
  realize();
  std::vector<T> values(elements(shape()));
  executor().device().read(*current_buffer(*node()), values.data());
  return values;
}

template <typename T>
T Tensor::item() const {
  if (elements(shape()) != 1)
    fail("item: the tensor {} has {} elements, not one; use to_vector", text(shape()),
         elements(shape()));
  return to_vector<T>()[0];
}

template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<std::int32_t> Tensor::to_vector<std::int32_t>() const;
template std::vector<std::uint8_t> Tensor::to_vector<std::uint8_t>() const;
template float Tensor::item<float>() const;
template std::int32_t Tensor::item<std::int32_t>() const;
template std::uint8_t Tensor::item<std::uint8_t>() const;

void Tensor::assign(const Tensor& value) {
  if (&executor() != &value.executor()) fail("assign: the tensors are of different sessions");
  if (!node()->as<BufferLeaf>())
    fail("assign: the tensor {} has no memory yet; realize() it first", text(shape()));
  if (shape() != value.shape() || type() != value.type())
    fail("assign: the tensor is {}, the value {}; they must agree", text(type(), shape()),
         text(value.type(), value.shape()));
  current_buffer(*node());
  state_->node = executor().assign(node(), value.node());
}

void realize(std::span<const Tensor> tensors) {
  if (tensors.empty()) return;
  Executor& executor = tensors[0].executor();
  std::vector<NodeRef> nodes;
  for (const Tensor& tensor : tensors) {
    if (&tensor.executor() != &executor) fail("realize: the tensors are of different sessions");
    nodes.push_back(tensor.node());
  }
  const std::vector<NodeRef> leaves = executor.realize(nodes);
  for (std::size_t i = 0; i < tensors.size(); i++) tensors[i].state_->node = leaves[i];
}

}  // namespace tenon
