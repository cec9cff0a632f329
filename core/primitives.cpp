// The six primitives as users call them, and the two views that core itself needs. infer.h says
// what operands the primitives take.
#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/infer.h"
#include "core/tensor.h"

namespace tenon {
namespace {

// Makes the node over the operands. The caller gives type and shape if they do not follow.
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

// Replaces an extent of -1 by the number of elements of x over the product of the other extents.
void infer_extent(const Tensor& x, Shape& shape) {
  const auto missing = std::ranges::find(shape, Extent(-1));
  if (missing == shape.end()) return;
  *missing = 1;
  const std::int64_t others = elements(shape);
  if (others > 0) *missing = elements(x.shape()) / others;
}

}  // namespace

Tensor from_bytes(Executor& executor, Type type, Shape shape, const void* data, std::string name) {
  require_extents("tensor", shape);
  const BufferRef buffer = executor.device().allocate(bytes(type, shape));
  executor.device().write(*buffer, data);
  return leaf(executor, BufferLeaf{buffer, buffer->version, std::move(name)}, type,
              std::move(shape));
}

Tensor constant(Executor& executor, Type type, double value, const Shape& shape) {
  const Tensor scalar = leaf(executor, ConstantLeaf{value}, type, {});
  return shape.empty() ? scalar : expand(scalar, shape);
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

Tensor reshape(const Tensor& x, Shape shape) {
  const Shape asked = shape;
  infer_extent(x, shape);
  const auto negative = [](const Extent& extent) { return extent.value() < 0; };
  if (std::ranges::any_of(shape, negative) || elements(shape) != elements(x.shape()))
    fail("reshape: {} has {} elements, which {} cannot hold", text(x.shape()), elements(x.shape()),
         text(asked));
  std::vector<Index> map = reshape_map(x.shape(), shape);
  return view(x, std::move(shape), {std::move(map)});
}

Tensor expand(const Tensor& x, Shape shape) {
  const int added = static_cast<int>(shape.size()) - x.rank();
  std::vector<Index> map;
  for (int axis = 0; axis < x.rank(); axis++) {
    const bool fits =
        added >= 0 && (x.shape()[axis].value() == 1 || x.shape()[axis] == shape[axis + added]);
    if (!fits)
      fail("expand: {} does not expand to {}; extents, aligned at the end, must agree or be 1",
           text(x.shape()), text(shape));
    map.push_back(x.shape()[axis] == shape[axis + added] ? Index::var(axis + added) : Index(0));
  }
  return view(x, std::move(shape), {std::move(map)});
}

}  // namespace tenon
