#include "core/index.h"

#include <numeric>
#include <tuple>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

using Kind = Index::Kind;
using Term = Index::Term;

// Orders atoms: variables by number, then quotients and remainders by divisor and inner index.
std::strong_ordering compare_atoms(const Term& a, const Term& b) {
  const auto order = std::tie(a.kind, a.var, a.divisor) <=> std::tie(b.kind, b.var, b.divisor);
  return order != 0 || a.inner == b.inner ? order : *a.inner <=> *b.inner;
}

Term with_coefficient(Term term, std::int64_t coefficient) {
  term.coefficient = coefficient;
  return term;
}

Term divided(Kind kind, const Index& inner, std::int64_t divisor) {
  return {1, kind, -1, std::make_shared<const Index>(inner), divisor};
}

// The only term of an index, if its coefficient is 1, or null. The constant may be anything.
const Term* sole_term(const Index& index) {
  const bool sole = index.terms().size() == 1 && index.terms()[0].coefficient == 1;
  return sole ? &index.terms()[0] : nullptr;
}

// The quotient that belongs to the remainder x mod d, as floordiv() would write it.
Term quotient_of(const Term& remainder) {
  const Index& x = *remainder.inner;
  const Term* sole = sole_term(x);
  if (sole && sole->kind == Kind::floordiv)
    return divided(Kind::floordiv, *sole->inner + x.constant() * sole->divisor,
                   sole->divisor * remainder.divisor);
  return divided(Kind::floordiv, x, remainder.divisor);
}

// An index cut at a divisor: index = divisor * quotient + rest. A coefficient c is cut into
// c / divisor in the quotient and c % divisor in the rest. Both keep the sign of c, so the rest of
// 7 - i stays 7 - i.
struct Cut {
  Index quotient, rest;
  bool is_exact;  // 0 <= rest < divisor
};

Cut cut(const Index& index, std::int64_t divisor, const VarBounds& of) {
  check(divisor > 0, "index: a divisor is not positive");
  const std::int64_t whole = floor_quotient(index.constant(), divisor);
  Cut result{whole, index.constant() - whole * divisor, false};
  for (const Term& term : index.terms()) {
    const std::int64_t c = term.coefficient;
    result.quotient = result.quotient + Index::of(with_coefficient(term, c / divisor));
    result.rest = result.rest + Index::of(with_coefficient(term, c % divisor));
  }
  const Bounds range = bounds(result.rest, of);
  const std::int64_t block = floor_quotient(range.low, divisor);
  if (block != floor_quotient(range.high, divisor)) return result;
  return {result.quotient + block, result.rest - block * divisor, true};
}

// A factor of the divisor by which the rest of a cut can be cut exactly, or 1.
std::int64_t exact_factor(const Index& rest, std::int64_t divisor, const VarBounds& of) {
  for (const Term& term : rest.terms()) {
    const std::int64_t factor = std::gcd(term.coefficient, divisor);
    if (factor > 1 && cut(rest, factor, of).is_exact) return factor;
  }
  return 1;
}

}  // namespace

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Index Index::of(const Term& term) {
  Index result;
  result.add(term);
  return result;
}

int Index::divisions() const {
  int count = 0;
  for (const Term& term : terms_)
    if (term.kind != Kind::var) count += 1 + term.inner->divisions();
  return count;
}

std::optional<Var> Index::as_var() const {
  const Term* sole = sole_term(*this);
  if (!sole || sole->kind != Kind::var || constant_ != 0) return std::nullopt;
  return sole->var;
}

std::int64_t Index::coefficient(const Term& atom) const {
  for (const Term& term : terms_)
    if (compare_atoms(term, atom) == 0) return term.coefficient;
  return 0;
}

bool Index::uses(Var v) const {
  return std::ranges::any_of(terms_, [v](const Term& term) {
    return term.kind == Kind::var ? term.var == v : term.inner->uses(v);
  });
}

bool Index::uses_any(const std::vector<Var>& vars) const {
  return std::ranges::any_of(vars, [this](Var v) { return uses(v); });
}

bool uses(const std::vector<Index>& indices, Var v) {
  return std::ranges::any_of(indices, [v](const Index& index) { return index.uses(v); });
}

void Index::collect(std::vector<Var>& vars) const {
  for (const Term& term : terms_)
    if (term.kind != Kind::var)
      term.inner->collect(vars);
    else
      append_once(vars, term.var);
}

std::vector<Var> Index::vars() const {
  std::vector<Var> vars;
  collect(vars);
  return vars;
}

void Index::add(const Term& term) {
  if (term.coefficient == 0) return;
  const auto place = std::ranges::lower_bound(
      terms_, term, [](const Term& a, const Term& b) { return compare_atoms(a, b) < 0; });
  if (place == terms_.end() || compare_atoms(*place, term) != 0) {
    terms_.insert(place, term);
  } else {
    place->coefficient += term.coefficient;
    if (place->coefficient == 0) terms_.erase(place);
  }
}

// Applies one of these rules to the terms, and returns whether one applied:
//   b*d*floor(x/d) + b*(x mod d)                =  b*x
//   b*d*((floor(x/d) + m) mod e) + b*(x mod d)  =  b*((x + d*m) mod d*e)
bool Index::merge_remainder() {
  for (const Term& remainder : terms_) {
    if (remainder.kind != Kind::mod) continue;
    const std::int64_t whole = remainder.coefficient * remainder.divisor;
    const Term quotient = quotient_of(remainder);
    for (const Term& other : terms_) {
      const bool covers =
          (other.coefficient < 0) == (whole < 0) && std::abs(other.coefficient) >= std::abs(whole);
      const bool is_quotient = covers && compare_atoms(other, quotient) == 0;
      const bool is_part = other.kind == Kind::mod && other.coefficient == whole &&
                           other.inner->coefficient(quotient) == 1;
      if (!is_quotient && !is_part) continue;
      Index merged = *remainder.inner;
      if (is_part) {
        const Index beside = *other.inner - of(quotient);  // m
        merged = of(divided(Kind::mod, merged + beside * remainder.divisor,
                            remainder.divisor * other.divisor));
      }
      Index rest = *this;
      rest.add(with_coefficient(other, -whole));
      rest.add(with_coefficient(remainder, -remainder.coefficient));
      *this = rest + merged * remainder.coefficient;
      return true;
    }
  }
  return false;
}

Index operator+(const Index& a, const Index& b) {
  Index sum = a;
  sum.constant_ += b.constant_;
  for (const Term& term : b.terms_) sum.add(term);
  while (sum.merge_remainder()) continue;
  return sum;
}

Index operator*(const Index& a, std::int64_t factor) {
  if (factor == 0) return {};
  Index product = a;
  product.constant_ *= factor;
  for (Term& term : product.terms_) term.coefficient *= factor;
  return product;
}

std::strong_ordering operator<=>(const Index::Term& a, const Index::Term& b) {
  const auto atoms = compare_atoms(a, b);
  return atoms != 0 ? atoms : a.coefficient <=> b.coefficient;
}

Bounds bounds(const Index& index, const VarBounds& of, const std::vector<Range>& given) {
  Bounds sum{index.constant(), index.constant()};
  for (const Term& term : index.terms()) {
    Bounds atom = term.kind == Kind::var ? of(term.var) : bounds(*term.inner, of);
    if (term.kind != Kind::var) {
      const std::int64_t low = floor_quotient(atom.low, term.divisor);
      const std::int64_t high = floor_quotient(atom.high, term.divisor);
      if (term.kind == Kind::floordiv)
        atom = {low, high};
      else if (low == high)
        atom = {atom.low - low * term.divisor, atom.high - low * term.divisor};
      else
        atom = {0, term.divisor - 1};
    }
    const std::int64_t c = term.coefficient;
    sum.low += c * (c > 0 ? atom.low : atom.high);
    sum.high += c * (c > 0 ? atom.high : atom.low);
  }
  for (const Range& range : given)
    for (const Term& term : range.index.terms()) {
      const std::int64_t scale = index.coefficient(term) / term.coefficient;
      if (scale == 0) continue;
      // index = scale * range.index + rest
      const Bounds rest = bounds(index - range.index * scale, of);
      const std::int64_t far = anything / std::abs(scale);
      const std::int64_t low = std::max(range.low, -far), high = std::min(range.high - 1, far);
      sum.low = std::max(sum.low, std::min(scale * low, scale * high) + rest.low);
      sum.high = std::min(sum.high, std::max(scale * low, scale * high) + rest.high);
    }
  return sum;
}

Index floordiv(const Index& index, std::int64_t divisor, const VarBounds& of) {
  const auto [quotient, rest, is_exact] = cut(index, divisor, of);
  if (is_exact) return quotient;
  if (const std::int64_t factor = exact_factor(rest, divisor, of); factor > 1)
    return quotient + floordiv(floordiv(rest, factor, of), divisor / factor, of);
  if (const Term* sole = sole_term(rest)) {
    // floor(floor(x/a + k) / d) = floor((x + k*a) / (a*d));  floor((x mod b*d) / d) = x/d mod b
    if (sole->kind == Kind::floordiv) {
      const Index inner = *sole->inner + rest.constant() * sole->divisor;
      return quotient + floordiv(inner, sole->divisor * divisor, of);
    }
    if (sole->kind == Kind::mod && rest.constant() == 0 && sole->divisor % divisor == 0)
      return quotient + mod(floordiv(*sole->inner, divisor, of), sole->divisor / divisor, of);
  }
  return quotient + Index::of(divided(Kind::floordiv, rest, divisor));
}

Index mod(const Index& index, std::int64_t divisor, const VarBounds& of) {
  const auto [quotient, rest, is_exact] = cut(index, divisor, of);
  if (is_exact) return rest;
  for (const Term& term : rest.terms())  // c*(x mod m) = c*x (mod d) where d divides c*m
    if (term.kind == Kind::mod && term.coefficient * term.divisor % divisor == 0)
      return mod(rest - Index::of(term) + *term.inner * term.coefficient, divisor, of);
  if (const std::int64_t factor = exact_factor(rest, divisor, of); factor > 1)
    return mod(floordiv(rest, factor, of), divisor / factor, of) * factor + mod(rest, factor, of);
  return Index::of(divided(Kind::mod, rest, divisor));
}

Index substitute(const Index& index, const std::function<Index(Var)>& with, const VarBounds& of) {
  Index result = index.constant();
  for (const Term& term : index.terms()) {
    Index atom = term.kind == Kind::var ? with(term.var) : substitute(*term.inner, with, of);
    if (term.kind == Kind::floordiv) atom = floordiv(atom, term.divisor, of);
    if (term.kind == Kind::mod) atom = mod(atom, term.divisor, of);
    result = result + atom * term.coefficient;
  }
  return result;
}

std::int64_t evaluate(const Index& index, const std::function<std::int64_t(Var)>& of) {
  const auto only = [&](Var v) {
    const std::int64_t value = of(v);
    return Bounds{value, value};
  };
  return bounds(index, only).low;
}

std::string text(const Index& index, const std::function<std::string(Var)>& name) {
  std::string result;
  const auto append = [&](std::int64_t signed_by, const std::string& summand) {
    if (!result.empty())
      result += signed_by < 0 ? " - " : " + ";
    else if (signed_by < 0)
      result = "-";
    result += summand;
  };
  for (const Term& term : index.terms()) {
    const std::int64_t size = std::abs(term.coefficient);
    std::string atom = term.kind == Kind::var ? name(term.var) : text(*term.inner, name);
    if (term.kind != Kind::var) {
      if (!term.inner->as_var()) atom = fmt::format("({})", atom);
      atom += fmt::format(" {} {}", term.kind == Kind::floordiv ? "/" : "mod", term.divisor);
      if (size != 1) atom = fmt::format("({})", atom);
    }
    append(term.coefficient, size == 1 ? atom : fmt::format("{}*{}", size, atom));
  }
  const std::int64_t last = index.constant();
  if (last != 0 || result.empty()) append(last, std::to_string(std::abs(last)));
  return result;
}

Range without_division(const Range& range) {
  for (const Term& term : range.index.terms()) {
    if (term.kind != Kind::floordiv || term.coefficient != 1) continue;
    const Index rest = range.index - Index::of(term);
    const auto times = [&](std::int64_t end) {  // an open end stays open
      return std::abs(end) == anything ? end : end * term.divisor;
    };
    return {rest * term.divisor + *term.inner, times(range.low), times(range.high)};
  }
  return range;
}

bool holds(const Range& range, const std::function<std::int64_t(Var)>& of) {
  const std::int64_t value = evaluate(range.index, of);
  return range.low <= value && value < range.high;
}

bool always(const Range& range, const VarBounds& of, const std::vector<Range>& given) {
  const Bounds values = bounds(range.index, of, given);
  return values.low >= range.low && values.high < range.high;
}

bool never(const Range& range, const VarBounds& of, const std::vector<Range>& given) {
  const Bounds values = bounds(range.index, of, given);
  return values.high < range.low || values.low >= range.high;
}

}  // namespace tenon
