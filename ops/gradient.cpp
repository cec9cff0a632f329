#include "ops/gradient.h"

#include <algorithm>
#include <memory>
#include <numbers>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/ranges.h"
#include "ops/view_gradient.h"
#include "ops/views.h"

namespace tenon {
namespace {

Tensor filled(const Tensor& like, double value) {
  return constant(like.executor(), like.type(), value, like.shape());
}
Tensor add(const Tensor& a, const Tensor& b) { return map(ScalarOp::add, {a, b}); }
Tensor mul(const Tensor& a, const Tensor& b) { return map(ScalarOp::mul, {a, b}); }
Tensor div(const Tensor& a, const Tensor& b) { return map(ScalarOp::div, {a, b}); }
Tensor scale(const Tensor& a, double factor) { return mul(a, filled(a, factor)); }
Tensor less(const Tensor& a, const Tensor& b) { return map(ScalarOp::lt, {a, b}); }
Tensor equal(const Tensor& a, const Tensor& b) { return map(ScalarOp::eq, {a, b}); }
Tensor choose(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return map(ScalarOp::where, {condition, a, b});
}

// One node: its inputs x, its value y, and the gradient d of y. A rule returns the gradients of the
// inputs; an empty tensor means that there is none.
struct Step {
  std::vector<Tensor> x;
  Tensor y, d;
};
using Gradients = std::vector<Tensor>;

Gradients rule(const Step& s, const Map& map_node) {
  const Tensor& d = s.d;
  const Tensor& a = s.x[0];
  const Tensor& b = s.x.size() > 1 ? s.x[1] : a;
  const Tensor zero = filled(d, 0);
  switch (map_node.op) {
    case ScalarOp::add:
      return {d, d};
    case ScalarOp::mul:
      return {mul(d, b), mul(d, a)};
    case ScalarOp::div:
      return {div(d, b), scale(mul(div(d, b), s.y), -1)};
    case ScalarOp::max: {
      const Tensor shared = choose(equal(a, b), scale(d, 0.5), zero);
      return {choose(less(b, a), d, shared), choose(less(a, b), d, shared)};
    }
    case ScalarOp::where:
      return {{}, choose(a, d, zero), choose(a, zero, d)};
    case ScalarOp::exp2:
      return {mul(d, scale(s.y, std::numbers::ln2))};
    case ScalarOp::log2:
      return {div(scale(d, std::numbers::log2e), a)};
    case ScalarOp::sin:
      return {mul(d, map(ScalarOp::sin, {add(a, filled(a, std::numbers::pi / 2))}))};
    case ScalarOp::sqrt:
      return {div(scale(d, 0.5), s.y)};
    case ScalarOp::cast:
      return {cast(d, a.type())};
    default:  // integers, comparisons and bits
      return {};
  }
}

// Repeats `reduced` along the axes over which x was reduced.
Tensor repeat(const Tensor& reduced, const Tensor& x, const std::vector<int>& axes) {
  std::vector<Index> map;
  for (int axis = 0; axis < x.rank(); axis++)
    if (!contains(axes, axis)) map.push_back(Index::var(axis));
  return view(reduced, x.shape(), {std::move(map)});
}

Gradients rule(const Step& s, const Reduce& node) {
  const Tensor& x = s.x[0];
  if (node.combine == Combine::max) {
    const Tensor chosen = cast(equal(x, repeat(s.y, x, node.axes)), x.type());
    const Tensor ties = reduce(Combine::sum, chosen, node.axes);
    return {mul(chosen, repeat(div(s.d, ties), x, node.axes))};
  }
  const Tensor d = repeat(s.d, x, node.axes);
  if (s.x.size() == 1) return {d};
  return {mul(d, s.x[1]), mul(d, x)};  // a sum of products
}

Gradients rule(const Step& s, const View& node) { return {view_gradient(s.x[0], node, s.d)}; }

Gradients rule(const Step& s, const Gather& node) {
  return {scatter(filled(s.x[0], 0), s.x[1], s.d, node.axis, true), {}};
}

// A Scatter that sets hides the base where it sets. If two updates set one element, both get the
// gradient of that element.
Gradients rule(const Step& s, const Scatter& node) {
  const Tensor base = node.add ? s.d : scatter(s.d, s.x[1], filled(s.x[2], 0), node.axis, false);
  return {base, {}, gather(s.d, s.x[1], node.axis)};
}

Gradients rule(const Step&, const auto&) { return {}; }  // of a leaf

void require(const Tensor& loss, std::span<const Tensor> of) {
  if (elements(loss.shape()) != 1 || loss.type() != Type::f32)
    fail("gradients: the loss is {}, not one f32; sum() or mean() it",
         text(loss.type(), loss.shape()));
  bool among = false;
  for (const Tensor& x : of) {
    if (&x.executor() != &loss.executor())
      fail("gradients: the loss and a tensor are of different sessions");
    if (!info(x.type()).is_float)
      fail("gradients: a tensor is {}; only floats have gradients", text(x.type(), x.shape()));
    among = among || x.origin() == loss.origin();
  }
  if (loss.origin()->as<BufferLeaf>() && !among)
    fail(
        "gradients: the loss is a value without a graph, as after assign(), stop_gradient() or an "
        "optimizer's step; take its gradients before that");
}

// The tensors whose gradients are wanted, found by every node that stands for one of them in a
// graph: its origin, its leaf, or a node that was realized to that leaf.
class Wanted {
 public:
  explicit Wanted(std::span<const Tensor> of) {
    for (const Tensor& x : of)
      for (const NodeRef& node : {x.node(), x.origin()}) origins_.emplace(node.get(), x.origin());
  }

  // The origin of the tensor that the node stands for, or null.
  NodeRef of(const NodeRef& node, const NodeTable& table) const {
    if (const auto known = origins_.find(node.get()); known != origins_.end()) return known->second;
    const NodeRef leaf = table.realized(*node);
    return leaf && origins_.contains(leaf.get()) ? origins_.at(leaf.get()) : nullptr;
  }

  // May one of the tensors be below a leaf with this past?
  bool may_be_in(const Past& past) const {
    return past.empty() || std::ranges::any_of(past, [&](const std::weak_ptr<const Node>& node) {
             return origins_.contains(node.lock().get());
           });
  }

 private:
  std::unordered_map<const Node*, NodeRef> origins_;
};

// Is the node a leaf whose dropped graph may have led down to a wanted tensor?
bool hides(const Node& node, const Wanted& wanted) {
  const auto* leaf = node.as<BufferLeaf>();
  return leaf && leaf->past && wanted.may_be_in(*leaf->past);
}

}  // namespace

std::vector<Tensor> gradients(const Tensor& loss, std::span<const Tensor> of) {
  require(loss, of);
  Executor& executor = loss.executor();
  const Wanted wanted(of);
  const std::vector<NodeRef> order = in_order({&loss.origin(), 1}).nodes;
  std::unordered_set<const Node*> depends;  // the nodes that depend on a wanted tensor
  for (const NodeRef& node : order) {
    bool any = wanted.of(node, executor.nodes()) || hides(*node, wanted);
    for (const NodeRef& input : node->inputs) any = any || depends.contains(input.get());
    if (any && info(node->type).is_float) depends.insert(node.get());
  }

  std::unordered_map<const Node*, Tensor> sums;  // the gradient of each node, as far as known
  const auto accumulate = [&](const Node* node, const Tensor& gradient) {
    Tensor& sum = sums[node];
    sum = sum.is_empty() ? gradient : add(sum, gradient);
  };
  accumulate(loss.origin().get(), filled(loss, 1));
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const NodeRef& node = *at;
    const Tensor gradient = sums[node.get()];
    if (gradient.is_empty() || !depends.contains(node.get())) continue;
    const NodeRef x = wanted.of(node, executor.nodes());
    if (x && x != node) accumulate(x.get(), gradient);
    if (!x && hides(*node, wanted))
      fail(
          "gradients: {} on the way was realized, and what it was computed from is let go; put "
          "stop_gradient() around it, or take gradients after at most {} realized tensors in a row",
          text(node->type, node->shape), Tensor::most_generations);
    Step step{{}, Tensor(executor, node), gradient};
    for (const NodeRef& input : node->inputs) step.x.emplace_back(executor, input);
    const Gradients inputs =
        std::visit([&](const auto& detail) { return rule(step, detail); }, node->detail);
    for (std::size_t i = 0; i < inputs.size(); i++)
      if (!inputs[i].is_empty() && depends.contains(node->inputs[i].get()))
        accumulate(node->inputs[i].get(), inputs[i]);
  }

  return mapped(of, [&](const Tensor& x) {
    const Tensor& sum = sums[x.origin().get()];
    return sum.is_empty() ? filled(x, 0) : sum;
  });
}

}  // namespace tenon
