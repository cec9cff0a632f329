#include "ops/view_gradient.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/ranges.h"
#include "ops/views.h"

namespace tenon {
namespace {

// left(o) = right(i), where o are the axes of the view's result and i those of its input. The right
// side may also use axes that are summed over later; their numbers follow those of the input.
struct Equation {
  Index left, right;
};

// Solves the equations of one view. If solve() succeeds, then for every element i of the input the
// elements o inside the view with map(o) = i are the values of `solution` for all values of the
// summed axes for which `inside` holds.
class Inverse {
 public:
  Inverse(const Shape& input, const View& view, const Shape& result)
      : axes(input), solution(result.size()), view_(view), result_(result) {}

  bool solve() {
    for (std::size_t axis = 0; axis < view_.map.size(); axis++)
      equations_.push_back({view_.map[axis], Index::var(static_cast<Var>(axis))});
    while (merge_remainder()) continue;
    for (Equation& equation : equations_) clear_division(equation);
    eliminate();
    if (!separate()) return false;
    for (const Equation& equation : equations_) solve(equation);
    for (Var axis = 0; axis < static_cast<Var>(result_.size()); axis++) {
      const auto uses_axis = [axis](const Equation& equation) { return equation.left.uses(axis); };
      if (result_[axis] != Extent(1) && std::ranges::none_of(equations_, uses_axis))
        set_unused(axis);
    }
    const auto solved = [&](Var axis) { return solution[axis]; };
    for (const Range& range : view_.inside)
      inside.push_back({substitute(range.index, solved, axis_bounds(axes)), range.low, range.high});
    return true;
  }

  Shape axes;                   // of the inverse: the input's, then the summed ones
  std::vector<Index> solution;  // an index for every axis of the view's result that is not free
  std::vector<Range> inside;    // the conditions under which the solution holds
  std::vector<int> free;        // axes of the result that neither map nor ranges use

 private:
  // x/d = p and x mod d = q become x = d*p + q.
  bool merge_remainder() {
    for (auto low = equations_.begin(); low != equations_.end(); ++low) {
      const auto& terms = low->left.terms();
      if (terms.size() != 1 || terms[0].kind != Index::Kind::mod || terms[0].coefficient != 1)
        continue;
      const std::int64_t divisor = terms[0].divisor;
      for (auto high = equations_.begin(); high != equations_.end(); ++high) {
        const Index merged = high->left * divisor + low->left;
        if (high == low || merged.divisions() >= high->left.divisions() + low->left.divisions())
          continue;
        inside.push_back({low->right - low->left.constant(), 0, divisor});
        *high = {merged, high->right * divisor + low->right};
        equations_.erase(low);
        return true;
      }
    }
    return false;
  }

  // p + c*(x/d) = i becomes d*p + c*x = d*i, where the view asks for x mod d = 0.
  void clear_division(Equation& equation) {
    for (const Index::Term& term : equation.left.terms()) {
      if (term.kind != Index::Kind::floordiv) continue;
      const Index remainder = Index::of({1, Index::Kind::mod, -1, term.inner, term.divisor});
      if (!contains(view_.inside, Range{remainder, 0, 1})) continue;
      const std::int64_t divisor = term.divisor;
      const Index whole = equation.left - Index::of(term);
      equation = {whole * divisor + *term.inner * term.coefficient, equation.right * divisor};
      return;
    }
  }

  // If one equation is o = x, the others use x instead of o: p - r = i with r = j is p = i + j.
  void eliminate() {
    for (Equation& known : equations_) {
      const auto& terms = known.left.terms();
      if (terms.size() != 1 || terms[0].kind != Index::Kind::var) continue;
      const Var axis = terms[0].var;
      const std::int64_t sign = terms[0].coefficient;
      if (std::abs(sign) != 1) continue;
      const Index value = (known.right - known.left.constant()) * sign;
      for (Equation& other : equations_) {
        const std::int64_t coefficient = other.left.coefficient(axis);
        if (&other == &known || coefficient == 0) continue;
        other.left = other.left - Index::var(axis) * coefficient;
        other.right = other.right - value * coefficient;
      }
    }
  }

  // Are the equations affine, with no axis of the result in two of them?
  bool separate() const {
    std::vector<Var> all;
    for (const Equation& equation : equations_) {
      if (!equation.left.is_affine()) return false;
      for (const Index::Term& term : equation.left.terms()) all.push_back(term.var);
    }
    std::ranges::sort(all);
    return std::ranges::adjacent_find(all) == all.end();
  }

  // The map does not use the axis, so the view repeats along it and the gradients are added up. If
  // a range uses the axis, the sum ends where the range does.
  void set_unused(Var axis) {
    if (std::ranges::any_of(view_.inside, [&](const Range& r) { return r.index.uses(axis); }))
      solution[axis] = sum_axis(axis);
    else
      free.push_back(axis);
  }

  Index sum_axis(Var axis) {
    axes.push_back(result_[axis]);
    return Index::var(static_cast<Var>(axes.size()) - 1);
  }

  // Solves sum of c*o = x, from the largest coefficient c down. If the other terms stay below c,
  // the axis of c is a quotient of x. If they do not, the shortest axis is summed over.
  void solve(const Equation& equation) {
    Index x = equation.right - equation.left.constant();
    Index left = equation.left - equation.left.constant();
    const auto size_of = [](const Index::Term& term) { return std::abs(term.coefficient); };
    const auto length_of = [&](const Index::Term& term) { return result_[term.var].value(); };
    while (!left.is_constant()) {
      const Index::Term top = *std::ranges::max_element(left.terms(), {}, size_of);
      const std::int64_t size = size_of(top);
      const Bounds rest = bounds(left - Index::of(top), axis_bounds(result_));
      if (rest.high - rest.low < size) {
        const Index quotient = floordiv(x - rest.low, size, axis_bounds(axes));
        solution[top.var] = top.coefficient < 0 ? quotient * -1 : quotient;
        inside.push_back({solution[top.var], 0, length_of(top)});
        x = mod(x - rest.low, size, axis_bounds(axes)) + rest.low;
        left = left - Index::of(top);
        continue;
      }
      const Index::Term shortest = *std::ranges::min_element(left.terms(), {}, length_of);
      solution[shortest.var] = sum_axis(shortest.var);
      x = x - solution[shortest.var] * shortest.coefficient;
      left = left - Index::of(shortest);
    }
    inside.push_back({x, 0, 1});
  }

  const View& view_;
  const Shape& result_;
  std::vector<Equation> equations_;
};

// Scatters the gradient to the linear index of each element that the view reads. Outside the view
// the index is -1, so nothing is added.
Tensor scatter_gradient(const Tensor& x, const View& view, const Tensor& gradient) {
  const std::int64_t size = elements(x.shape());
  const Tensor linear = reshape(iota(x.executor(), size), x.shape());
  const Tensor target = tenon::view(linear, gradient.shape(), {view.map, view.inside, -1});
  const Tensor zeros = constant(x.executor(), gradient.type(), 0, {size});
  return reshape(scatter(zeros, target, gradient, 0, true), x.shape());
}

}  // namespace

Tensor view_gradient(const Tensor& x, const View& view, const Tensor& gradient) {
  Inverse inverse(x.shape(), view, gradient.shape());
  if (!inverse.solve()) return scatter_gradient(x, view, gradient);
  std::vector<Index> map;
  for (int axis = 0; axis < gradient.rank(); axis++)
    if (!contains(inverse.free, axis)) map.push_back(inverse.solution[axis]);
  const Tensor summed = reduce(Combine::sum, gradient, inverse.free);
  const Tensor read = tenon::view(summed, inverse.axes, {map, inverse.inside});
  std::vector<int> sums(inverse.axes.size() - x.rank());
  std::iota(sums.begin(), sums.end(), x.rank());
  return reduce(Combine::sum, read, std::move(sums));
}

}  // namespace tenon
