// Index: an integer expression over loop or axis variables, always in one normal form:
//
//     constant + sum of coefficient * atom      atom = variable | floor(index / d) | index mod d
//
// Terms are sorted, like terms are merged, d > 0, and d*floor(x/d) + x mod d becomes x. So the
// usual equal expressions compare equal without a simplifier. (Not all do: (-x) mod 2 and x mod
// 2 differ.) Views are functions on indices, and lowering substitutes indices through them. A
// variable is a small integer. The user of an index decides what it stands for: an axis of a View's
// result, or a loop of a kernel. Read next: extent.h, node.h (View), lower/nest.h.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tenon {

using Var = int;

// a / b, rounded towards minus infinity. Requires: b is not 0.
std::int64_t floor_quotient(std::int64_t a, std::int64_t b);

class Index {
 public:
  enum class Kind : std::uint8_t { var, floordiv, mod };
  struct Term {
    std::int64_t coefficient;  // never 0
    Kind kind;
    Var var = -1;                                  // kind var
    std::shared_ptr<const Index> inner = nullptr;  // kind floordiv, mod
    std::int64_t divisor = 0;                      // kind floordiv, mod; > 1
    // By the atoms, then by the coefficients.
    friend std::strong_ordering operator<=>(const Term& a, const Term& b);
    friend bool operator==(const Term& a, const Term& b) { return (a <=> b) == 0; }
  };

  Index() = default;
  Index(std::int64_t constant) : constant_(constant) {}  // NOLINT: an integer is an index
  static Index var(Var v) { return of({1, Kind::var, v}); }
  static Index of(const Term& term);

  std::int64_t constant() const { return constant_; }
  const std::vector<Term>& terms() const { return terms_; }
  bool is_constant() const { return terms_.empty(); }
  bool is_affine() const { return divisions() == 0; }
  int divisions() const;              // how many quotients and remainders, at any depth
  std::optional<Var> as_var() const;  // the variable v, if the index is exactly v
  // The coefficient of v, or of the atom of a term, among the top-level terms; 0 if it is not
  // there.
  std::int64_t coefficient(Var v) const { return coefficient(Term{1, Kind::var, v}); }
  std::int64_t coefficient(const Term& atom) const;
  bool uses(Var v) const;                             // at any depth
  bool uses_any(const std::vector<Var>& vars) const;  // one of them at least
  // Each variable once, in order of appearance; collect() appends those that `vars` lacks.
  std::vector<Var> vars() const;
  void collect(std::vector<Var>& vars) const;

  friend Index operator+(const Index& a, const Index& b);
  friend Index operator-(const Index& a, const Index& b) { return a + b * -1; }
  friend Index operator*(const Index& a, std::int64_t factor);
  friend std::strong_ordering operator<=>(const Index& a, const Index& b) = default;  // for sorting

 private:
  void add(const Term& term);
  bool merge_remainder();
  std::vector<Term> terms_;  // sorted
  std::int64_t constant_ = 0;
};

// Does any of the indices use v?
bool uses(const std::vector<Index>& indices, Var v);

// The least and the greatest value of a variable or an index.
struct Bounds {
  std::int64_t low, high;
};
using VarBounds = std::function<Bounds(Var)>;

// floor(index / divisor) and index mod divisor, simplified with the bounds of the variables.
// Multiples of the divisor leave the division: (8*a + b) / 8 is a + b / 8. If the other terms are
// known to lie within [0, divisor), their quotient is 0 and they are the remainder.
Index floordiv(const Index& index, std::int64_t divisor, const VarBounds& of);
Index mod(const Index& index, std::int64_t divisor, const VarBounds& of);

// The index with every variable v replaced by with(v).
Index substitute(const Index& index, const std::function<Index(Var)>& with, const VarBounds& of);
// The index with every variable v replaced by with[v]. For example, an index over the axes of a
// tensor becomes the index for one element, whose position is `with`.
inline Index substitute(const Index& index, const std::vector<Index>& with, const VarBounds& of) {
  return substitute(index, [&](Var v) { return with[v]; }, of);
}

std::int64_t evaluate(const Index& index, const std::function<std::int64_t(Var)>& of);

// The index as text, such as `8*io + ii + 3`, `(4*a + b) / 6` or `i mod 3`. `name` names variables.
std::string text(const Index& index, const std::function<std::string(Var)>& name);

// A bound that no index reaches: the end of a range that is open on that side.
constexpr std::int64_t anything = std::int64_t{1} << 60;

// A condition: low <= index < high.
struct Range {
  Index index;
  std::int64_t low, high;
  friend std::strong_ordering operator<=>(const Range& a, const Range& b) = default;
};
// The bounds of the index over the points at which all of the given ranges hold.
Bounds bounds(const Index& index, const VarBounds& of, const std::vector<Range>& given = {});
// The same condition without its first quotient that has the coefficient 1, if there is one: 64*a +
// b / 64 < 5 becomes 4096*a + b < 320.
Range without_division(const Range& range);
bool holds(const Range& range, const std::function<std::int64_t(Var)>& of);
// Do the bounds show that the condition holds everywhere, or nowhere, of all points at which the
// given ranges hold?
bool always(const Range& range, const VarBounds& of, const std::vector<Range>& given = {});
bool never(const Range& range, const VarBounds& of, const std::vector<Range>& given = {});

}  // namespace tenon
