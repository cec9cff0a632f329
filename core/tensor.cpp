#include "core/tensor.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/infer.h"

namespace tenon {
namespace {

// Does a derivative flow through the node? It does if the value and one of the inputs are floats.
bool has_derivative(const Node& node) {
  const auto is_float = [](const NodeRef& input) { return info(input->type).is_float; };
  return info(node.type).is_float && std::ranges::any_of(node.inputs, is_float);
}

// The nodes under this one, the leaves that hold their values, and what those leaves remember, as
// far as it still exists.
Past past_of(const NodeRef& node, const NodeTable& table) {
  Past past;
  for (const NodeRef& below : in_order({&node, 1}).nodes) {
    past.push_back(below);
    if (const NodeRef leaf = table.realized(*below)) past.push_back(leaf);
    if (const auto* leaf = below->as<BufferLeaf>(); leaf && leaf->past)
      std::ranges::copy_if(*leaf->past, std::back_inserter(past),
                           [](const auto& older) { return !older.expired(); });
  }
  return past;
}

// Makes the node over the operands. The caller gives type and shape if they do not follow from the
// operands.
Tensor made(Node::Detail detail, const std::vector<Tensor>& operands, Type type = {},
            Shape shape = {}) {
  if (operands.empty()) fail("an operation was called without operands");
  const Tensor& like = operands.back();
  Node node{std::move(detail), type, std::move(shape), {}};
  for (const Tensor& operand : operands) {
    if (&operand.executor() != &like.executor())
      fail("the operands {} and {} are of different sessions", text(like.type(), like.shape()),
           text(operand.type(), operand.shape()));
    node.inputs.push_back(operand.origin());
  }
  return {like.executor(), like.executor().nodes().make(std::move(node))};
}

Tensor leaf(Executor& executor, Node::Detail detail, Type type, Shape shape) {
  return {executor, executor.nodes().make(Node{std::move(detail), type, std::move(shape), {}})};
}

}  // namespace

struct Tensor::State {
  std::shared_ptr<Executor*> executor;
  NodeRef node, origin;

  // From now on the leaf holds the value.
  void hold(NodeRef leaf) {
    if (!has_derivative(*origin) || leaf->as<BufferLeaf>()->past) origin = leaf;
    node = std::move(leaf);
    if (origin->generations >= most_generations) let_go(past_of(origin, (*executor)->nodes()));
  }

  // Replaces the origin by a leaf that holds the value and remembers `past`. The old graph is
  // released.
  void let_go(Past past) {
    if (origin->as<BufferLeaf>()) return;
    NodeTable& table = (*executor)->nodes();
    BufferLeaf leaf = *node->as<BufferLeaf>();
    leaf.past = std::make_shared<const Past>(std::move(past));
    node = table.make(std::move(leaf), node->type, node->shape, {});
    table.set_realized(origin, node);
    origin = node;
  }
};

Tensor::Tensor(Executor& executor, NodeRef node)
    : state_(std::make_shared<State>(State{executor.link(), node, node})) {}

Tensor::State& Tensor::state() const {
  if (!state_) fail("an empty tensor was used; give it a value first");
  return *state_;
}

const NodeRef& Tensor::node() const { return state().node; }

const NodeRef& Tensor::origin() const { return state().origin; }

Executor& Tensor::executor() const {
  if (Executor* executor = *state().executor) return *executor;
  fail("a tensor {} was used after its session ended; keep the session as long as its tensors",
       text(type(), shape()));
}

std::int64_t Tensor::extent(int axis) const {
  return shape()[axis_from_front("extent", shape(), axis)].value();
}

const Tensor& Tensor::realize() const {
  if (!node()->as<BufferLeaf>()) state_->hold(executor().realize({&state_->node, 1})[0]);
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
  state_->node = state_->origin = executor().assign(node(), value.node());
}

void Tensor::let_go() const {
  realize();
  state_->let_go({});
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
  for (std::size_t i = 0; i < tensors.size(); i++) tensors[i].state_->hold(leaves[i]);
}

// ---- the six primitives; infer.h says what operands they take ----

Tensor from_bytes(Executor& executor, Type type, Shape shape, const void* data, std::string name) {
  require_extents("tensor", shape);
  const BufferRef buffer = executor.device().allocate(bytes(type, shape));
  executor.device().write(*buffer, data);
  return leaf(executor, BufferLeaf{buffer, buffer->version, std::move(name)}, type,
              std::move(shape));
}

Tensor constant(Executor& executor, Type type, double value) {
  return leaf(executor, ConstantLeaf{value}, type, {});
}

Tensor iota(Executor& executor, std::int64_t length) {
  return leaf(executor, IotaLeaf{}, Type::i32, {length});
}

Tensor map(ScalarOp op, std::vector<Tensor> operands) {
  const ScalarInfo& row = info(op);
  if (row.result == Result::named) fail("{}: needs a type; call {}(x, type)", row.name, row.name);
  return made(Map{op}, operands);
}

Tensor cast(const Tensor& x, Type type) {
  return x.type() == type ? x : made(Map{ScalarOp::cast}, {x}, type);
}

Tensor bitcast(const Tensor& x, Type type) {
  return x.type() == type ? x : made(Map{ScalarOp::bitcast}, {x}, type);
}

Tensor reduce(Combine combine, const Tensor& x, std::vector<int> axes) {
  return axes.empty() ? x : made(Reduce{combine, std::move(axes)}, {x});
}

Tensor sum_of_products(const Tensor& x, const Tensor& y, std::vector<int> axes) {
  if (axes.empty()) return map(ScalarOp::mul, {x, y});
  return made(Reduce{Combine::sum, std::move(axes)}, {x, y});
}

Tensor view(const Tensor& x, Shape shape, View view) {
  return made(std::move(view), {x}, x.type(), std::move(shape));
}

Tensor gather(const Tensor& data, const Tensor& index, int axis) {
  return made(Gather{axis}, {data, index});
}

Tensor scatter(const Tensor& base, const Tensor& index, const Tensor& update, int axis, bool add) {
  return made(Scatter{axis, add}, {base, index, update});
}

}  // namespace tenon
