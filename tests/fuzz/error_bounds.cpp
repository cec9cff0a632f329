#include "error_bounds.h"

#include <functional>
#include <limits>
#include <map>

#include "ops/views.h"

namespace tenon::fuzz {
namespace {

constexpr double rounding = 0x1p-24;  // of one operation, relative
constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor operator+(const Tensor& a, const Tensor& b) { return map(ScalarOp::add, {a, b}); }
Tensor operator*(const Tensor& a, const Tensor& b) { return map(ScalarOp::mul, {a, b}); }
Tensor operator/(const Tensor& a, const Tensor& b) { return map(ScalarOp::div, {a, b}); }
Tensor larger(const Tensor& a, const Tensor& b) { return map(ScalarOp::max, {a, b}); }
Tensor less(const Tensor& a, const Tensor& b) { return map(ScalarOp::lt, {a, b}); }
Tensor choose(const Tensor& c, const Tensor& a, const Tensor& b) {
  return map(ScalarOp::where, {c, a, b});
}
Tensor number(double value, const Tensor& like) {
  return constant(like.executor(), Type::f32, value, like.shape());
}
Tensor minus(const Tensor& a, const Tensor& b) { return a + b * number(-1, b); }
Tensor absolute(const Tensor& a) { return larger(a, a * number(-1, a)); }
Tensor unless(const Tensor& condition) {  // infinity unless the condition holds
  const Tensor zero = constant(condition.executor(), Type::f32, 0, condition.shape());
  return choose(condition, zero, number(infinity, zero));
}

class Bounds {
 public:
  Tensor of(const Tensor& given) {
    const Tensor value(given.executor(), given.executor().nodes().current(given.node()));
    const auto known = known_.find(value.node().get());
    if (known != known_.end()) return known->second;
    const Tensor bound =
        std::visit([&](const auto& detail) { return make(value, detail); }, value.node()->detail);
    return known_[value.node().get()] = bound;
  }

 private:
  static Tensor input(const Tensor& value, std::size_t i) {
    return {value.executor(), value.node()->inputs[i]};
  }
  static Tensor exact(const Tensor& value) {
    return constant(value.executor(), Type::f32, 0, value.shape());
  }
  static bool is_float(const Tensor& value) { return info(value.type()).is_float; }
  static Tensor rounded(const Tensor& value, double times) {
    return absolute(value) * number(times * rounding, value) + number(1e-37, value);
  }
  Tensor sum_of_bounds(const Tensor& value) {
    Tensor sum = exact(value);
    for (std::size_t i = 0; i < value.node()->inputs.size(); ++i) sum = sum + of(input(value, i));
    return sum;
  }

  Tensor make(const Tensor& value, const BufferLeaf&) { return exact(value); }
  Tensor make(const Tensor& value, const ConstantLeaf&) { return exact(value); }
  Tensor make(const Tensor& value, const IotaLeaf&) { return exact(value); }

  Tensor make(const Tensor& value, const Map& op) {
    const Tensor x = input(value, 0), ex = of(x);
    const Tensor y = value.node()->inputs.size() > 1 ? input(value, 1) : x, ey = of(y);
    const Tensor zero = exact(value);
    switch (op.op) {
      case ScalarOp::where:
        return choose(x, ey, of(input(value, 2))) + ex;
      case ScalarOp::max:
        return larger(ex, ey);
      case ScalarOp::lt:
      case ScalarOp::eq:
        if (!is_float(x)) return ex + ey;
        return choose(less(zero, ex + ey), unless(less(ex + ey, absolute(minus(x, y)))), ex + ey);
      case ScalarOp::cast:
        if (!is_float(x)) return is_float(value) ? ex + rounded(value, 1) : ex;
        if (is_float(value)) return ex;
        if (value.type() == Type::boolean) return unless(map(ScalarOp::eq, {ex, zero}));
        return unless(map(ScalarOp::eq, {cast(minus(x, ex), Type::i32), cast(x + ex, Type::i32)}));
      case ScalarOp::bitcast: {
        const auto* there = x.node()->as<Map>();
        const bool is_back = there && there->op == ScalarOp::bitcast;
        if (is_back && input(x, 0).type() == value.type()) return of(input(x, 0));
        return unless(map(ScalarOp::eq, {ex, zero}));
      }
      default:
        return is_float(value) ? arithmetic(value, op.op, x, y) : sum_of_bounds(value);
    }
  }

  Tensor arithmetic(const Tensor& value, ScalarOp op, const Tensor& x, const Tensor& y) {
    const Tensor ex = of(x), ey = of(y), zero = exact(value);
    switch (op) {
      case ScalarOp::add:
        return ex + ey + rounded(value, 2);  // the interpreter rounds too

      case ScalarOp::mul:
        return absolute(x) * ey + absolute(y) * ex + ex * ey + rounded(value, 2);
      case ScalarOp::div:
        return (ex + absolute(value) * ey) / minus(absolute(y), ey) +
               unless(less(ey, absolute(y))) + rounded(value, 2);
      case ScalarOp::exp2:
        return value * ex * map(ScalarOp::exp2, {ex}) + rounded(value, 3);
      case ScalarOp::log2:
        return ex * number(1.45, ex) / minus(x, ex) + unless(less(ex, x)) + rounded(value, 3);
      case ScalarOp::sin:
        return ex + rounded(value, 3);
      case ScalarOp::sqrt: {
        const Tensor moved = ex / map(ScalarOp::sqrt, {minus(x, ex)}) + unless(less(ex, x));
        return choose(map(ScalarOp::eq, {ex, zero}), zero, moved) + rounded(value, 2);
      }
      default:
        return number(infinity, value);
    }
  }

  // Every term is rounded in a product, and once in each addition above it.
  Tensor make(const Tensor& value, const Reduce& op) {
    const Tensor x = input(value, 0), ex = of(x);
    if (op.combine == Combine::max || !is_float(value)) return reduce(Combine::max, ex, op.axes);
    Tensor terms = absolute(x), bounds = ex;
    if (value.node()->inputs.size() == 2) {
      const Tensor y = input(value, 1), ey = of(y);
      bounds = terms * ey + absolute(y) * ex + ex * ey;
      terms = absolute(y) * terms;
    }
    const double count = static_cast<double>(elements(x.shape())) /
                         static_cast<double>(std::max<std::int64_t>(elements(value.shape()), 1));
    const Tensor sum = reduce(Combine::sum, terms + bounds, op.axes);
    return reduce(Combine::sum, bounds, op.axes) + rounded(sum, 1.1 * (count + 1));
  }

  Tensor make(const Tensor& value, const View& op) {
    View same = op;
    same.fill = 0;
    return view(of(input(value, 0)), value.shape(), same);
  }

  // The bound of each index, repeated for every element that the index picks.
  Tensor beside(const Tensor& index_bound, const Tensor& like, int axis) {
    Shape thin(like.shape().size(), 1);
    thin[static_cast<std::size_t>(axis)] = index_bound.shape()[0];
    return expand(reshape(index_bound, thin), like.shape());
  }
  Tensor make(const Tensor& value, const Gather& op) {
    const Tensor data = of(input(value, 0)), index = input(value, 1), bound = of(index);
    return gather(data, index, op.axis) +
           (index.rank() == 1 ? beside(bound, value, op.axis) : everywhere(value, bound));
  }
  // The largest of the bounds, for every element.
  static Tensor everywhere(const Tensor& value, Tensor bound) {
    while (bound.rank() > 0) bound = reduce(Combine::max, bound, {0});
    return expand(bound, value.shape());
  }
  Tensor make(const Tensor& value, const Scatter& op) {
    const Tensor base = input(value, 0), index = input(value, 1), update = input(value, 2);
    const Tensor bound = scatter(of(base), index, of(update), op.axis, op.add);
    const Tensor uncertain = everywhere(value, of(index));
    if (!op.add || !is_float(value)) return bound + uncertain;
    const double count = static_cast<double>(elements(index.shape())) + 1;
    const Tensor terms =
        scatter(absolute(base) + of(base), index, absolute(update) + of(update), op.axis, true);
    return bound + uncertain + rounded(terms, 1.1 * count);
  }

  std::map<const Node*, Tensor> known_;
};

}  // namespace

std::vector<Tensor> error_bounds(const std::vector<Tensor>& values) {
  Bounds bounds;
  std::vector<Tensor> result;
  for (const Tensor& value : values) result.push_back(bounds.of(value));
  return result;
}

}  // namespace tenon::fuzz
