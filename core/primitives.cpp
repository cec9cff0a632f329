// The functions of tensor.h that make leaves and the other five kinds of node. infer.h says what
// operands they take.
#include <utility>

#include "core/error.h"
#include "core/infer.h"
#include "core/tensor.h"

namespace tenon {
namespace {

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
