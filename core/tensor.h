// Tensor: a handle on a node of the lazy graph, cheap to copy. Building a tensor computes nothing;
// realize() and reading its values compute it. Start here to use the library. ops/ops.h has the
// composed operations.
//
// A Tensor that outlives its Executor (the session) may be destroyed; any other use is an Error.
// Operands of one call must come from the same session. Mistakes throw Error with the operation,
// the shapes and the remedy. Not thread safe, as the session is not.
#pragma once

#include "core/executor.h"

namespace tenon {

class Tensor {
 public:
  Tensor() = default;  // empty; only assignment and is_empty are allowed
  Tensor(Executor& executor, NodeRef node);

  const Shape& shape() const { return node()->shape; }
  Type type() const { return node()->type; }
  int rank() const { return static_cast<int>(shape().size()); }
  std::int64_t extent(int axis) const;  // a negative axis counts from the end
  const NodeRef& node() const;          // once realized: the leaf that holds the value
  // The node on which new graphs and gradients are built. For a computed tensor it is the node that
  // computes the value, also after realize(): reading a value changes no gradient. In three cases
  // it becomes the leaf that holds the value: realize() finds that no derivative flows through the
  // node (integers, stop_gradient); the tensor is assigned to; or `most_generations` realized
  // tensors in a row lie below it, so that memory stays flat in a loop. In the last case
  // gradients() throws Error if it needs the graph that was dropped.
  const NodeRef& origin() const;
  Executor& executor() const;
  bool is_empty() const { return state_ == nullptr; }
  explicit operator bool() const = delete;  // a comparison of tensors is a tensor: read its item()

  // Computes the value, if it is not known yet. Returns *this.
  const Tensor& realize() const;
  // The values, row-major. T is float for f32, std::int32_t for i32, std::uint8_t (0 or 1) for
  // bool.
  template <typename T>
  std::vector<T> to_vector() const;
  template <typename T>
  T item() const;  // of a tensor of one element

  // Computes `value` into this tensor's memory, in place. Requires: this tensor is realized. Other
  // handles to the old value may no longer be read. No derivative goes through an assignment.
  void assign(const Tensor& value);

  // Realizes the value and drops the graph that it was computed from. Gradients that need that
  // graph are an Error from then on.
  void let_go() const;

  static constexpr int most_generations = 8;

 private:
  friend void realize(std::span<const Tensor> tensors);
  struct State;
  State& state() const;

  std::shared_ptr<State> state_;
};

// Realizes several tensors at once, sharing what they have in common.
void realize(std::span<const Tensor> tensors);

// ---- the six primitives; ops/views.h has the usual views ----

Tensor from_bytes(Executor& executor, Type type, Shape shape, const void* data,
                  std::string name = "");
Tensor constant(Executor& executor, Type type, double value);
Tensor iota(Executor& executor, std::int64_t length);

Tensor map(ScalarOp op, std::vector<Tensor> operands);  // equal shapes, see scalar.h for types
Tensor cast(const Tensor& x, Type type);
Tensor bitcast(const Tensor& x, Type type);
Tensor reduce(Combine combine, const Tensor& x, std::vector<int> axes);           // the axes vanish
Tensor sum_of_products(const Tensor& x, const Tensor& y, std::vector<int> axes);  // equal shapes
Tensor view(const Tensor& x, Shape shape, View view);
Tensor gather(const Tensor& data, const Tensor& index, int axis);
Tensor scatter(const Tensor& base, const Tensor& index, const Tensor& update, int axis, bool add);

}  // namespace tenon
