// Index: an integer expression over loop or axis variables, always in one normal form:
//
//     constant + sum of coefficient * atom      atom = variable | floor(index / d) | index mod d
//
// so equal expressions of this family compare equal without a simplifier (terms are sorted, like
// terms merged, d > 0, and d*floor(x/d) + x mod d is x again). Views are functions on indices:
// lowering substitutes indices through them. Variables are small integers; what they stand for (an
// axis of a View's result, a loop of a kernel) is the user's business. Read next: extent.h, node.h
// (View), lower/nest.h.
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

class Index {
 public:
  enum class Kind : std::uint8_t { var, floordiv, mod };
  struct Term {
    std::int64_t coefficient;  // never 0
    Kind kind;
    Var var = -1;                                  // kind var
    std::shared_ptr<const Index> inner = nullptr;  // kind floordiv, mod
    std::int64_t divisor = 0;                      // kind floordiv, mod; > 1
  };

  Index() = default;
  Index(std::int64_t constant) : constant_(constant) {}  // NOLINT: an integer is an index
  static Index var(Var v);
  static Index of(const Term& term);

  std::int64_t constant() const { return constant_; }
  const std::vector<Term>& terms() const { return terms_; }
  bool is_constant() const { return terms_.empty(); }
  bool is_affine() const { return divisions() == 0; }
  int divisions() const;              // quotients and remainders, at any depth
  std::optional<Var> as_var() const;  // exactly one variable, coefficient 1, constant 0
  // Of v, or of the atom of a term, as a top-level term; 0 where there is none.
  std::int64_t coefficient(Var v) const { return coefficient(Term{1, Kind::var, v}); }
  std::int64_t coefficient(const Term& atom) const;
  bool uses(Var v) const;                      // at any depth
  void collect(std::vector<Var>& vars) const;  // appends each variable once, in order of appearance
  std::vector<Var> vars() const;               // the same of this index alone

  friend Index operator+(const Index& a, const Index& b);
  friend Index operator-(const Index& a, const Index& b);
  friend Index operator*(const Index& a, std::int64_t factor);
  friend bool operator==(const Index& a, const Index& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Index& a, const Index& b);  // total, for sorting

 private:
  void add(const Term& term);
  bool merge_remainder();
  std::int64_t constant_ = 0;
  std::vector<Term> terms_;  // sorted
};

// Does any of the indices use it?
bool uses(const std::vector<Index>& indices, Var v);

// Bounds of a variable or an index, both ends included.
struct Bounds {
  std::int64_t low, high;
};
using VarBounds = std::function<Bounds(Var)>;

Bounds bounds(const Index& index, const VarBounds& of);

// floor(index / divisor) and index mod divisor, simplified with the bounds of the variables:
// multiples of the divisor are taken out, and what is known to lie within [0, divisor) vanishes.
Index floordiv(const Index& index, std::int64_t divisor, const VarBounds& of);
Index mod(const Index& index, std::int64_t divisor, const VarBounds& of);

// The index with every variable v replaced by with(v).
Index substitute(const Index& index, const std::function<Index(Var)>& with, const VarBounds& of);
// The same with with[v]: an index over the axes of something, for an element of it.
Index substitute(const Index& index, const std::vector<Index>& with, const VarBounds& of);

std::int64_t evaluate(const Index& index, const std::function<std::int64_t(Var)>& of);

// As text: `8*io + ii + 3`, `(4*a + b) / 6`, `i mod 3`; variables through `name`.
std::string text(const Index& index, const std::function<std::string(Var)>& name);

// A condition: low <= index < high.
struct Range {
  Index index;
  std::int64_t low, high;
  friend bool operator==(const Range& a, const Range& b) = default;
};
// Bounds of the index where the ranges hold too.
Bounds bounds(const Index& index, const VarBounds& of, const std::vector<Range>& given);
// The same condition without its division where it has one: 64*a + b / 64 < 5 is 4096*a + b < 320.
Range without_division(const Range& range);
bool holds(const Range& range, const std::function<std::int64_t(Var)>& of);
bool always(const Range& range, const VarBounds& of);
bool never(const Range& range, const VarBounds& of);

}  // namespace tenon
