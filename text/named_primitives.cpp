#include "text/named_primitives.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "text/cursor.h"
#include "text/spelling.h"

namespace tenon {
namespace {

// The operands of a call by number, and its attributes by name.
class Given {
 public:
  Given(Executor& executor, const Call& call) : executor(executor), call_(call) {}
  Executor& executor;

  const Tensor& operator[](std::size_t operand) const { return call_.operands[operand]; }
  std::size_t operands() const { return call_.operands.size(); }
  bool has(const char* name) const { return call_.attributes.contains(name); }

  double number(const char* name) const { return as<double>(name, "a number"); }
  double number(const char* name, double otherwise) const {
    return has(name) ? number(name) : otherwise;
  }
  std::string word(const char* name) const { return as<std::string>(name, "a word"); }
  std::int64_t integer(const char* name) const { return whole(name, number(name)); }
  int axis(const char* name) const { return narrowed(integer(name)); }
  std::vector<std::int64_t> integers(const char* name) const {
    std::vector<std::int64_t> result;
    for (const double value : as<std::vector<double>>(name, "a list of numbers, as in [1,2]"))
      result.push_back(whole(name, value));
    return result;
  }
  std::vector<int> axes(const char* name) const {
    std::vector<int> result;
    for (const std::int64_t axis : integers(name)) result.push_back(narrowed(axis));
    return result;
  }
  Shape shape(const char* name) const {
    const std::vector<std::int64_t> list = integers(name);
    return {list.begin(), list.end()};
  }
  Type type(const char* name) const {
    const std::string asked = word(name);
    for (const Type type : {Type::f32, Type::i32, Type::boolean})
      if (info(type).name == asked) return type;
    fail("{}: there is no type {}; the types are f32, i32, bool", call_.op, asked);
  }
  // One of two words.
  bool first_of(const char* name, std::string_view first, std::string_view second) const {
    const std::string given = word(name);
    if (given != first && given != second)
      fail("{}: {} is {}; it may be {} or {}", call_.op, name, given, first, second);
    return given == first;
  }
  const std::string& op() const { return call_.op; }

 private:
  template <typename T>
  const T& as(const char* name, std::string_view kind) const {
    const auto entry = call_.attributes.find(name);
    if (entry == call_.attributes.end()) fail("{}: needs {}={}", call_.op, name, kind);
    const T* value = std::get_if<T>(&entry->second);
    if (!value) fail("{}: {} must be {}", call_.op, name, kind);
    return *value;
  }
  std::int64_t whole(const char* name, double value) const {
    if (value != std::trunc(value)) fail("{}: {} holds {}, no whole number", call_.op, name, value);
    if (std::fabs(value) > 0x1p60)  // so that sums of two fit into 64 bits
      fail("{}: {} holds {:.19g}, beyond 2^60", call_.op, name, value);
    return static_cast<std::int64_t>(value);
  }

  // Clamps to int. No tensor has an axis of that number, so the operation refuses it.
  static int narrowed(std::int64_t axis) {
    return static_cast<int>(std::clamp<std::int64_t>(axis, INT_MIN, INT_MAX));
  }

  const Call& call_;
};

// ---- index expressions, as a View's attributes hold them ----

constexpr int deepest = 100;       // parentheses
constexpr double farthest = 9e15;  // no tensor has so many elements, and sums of two fit 64 bits

// How far from 0 the index may come. An axis of one element counts as one of two.
double reach(const Index& index, const VarBounds& of) {
  const auto [low, high] =
      bounds(index, [&](Var axis) { return Bounds{0, std::max<std::int64_t>(of(axis).high, 1)}; });
  return std::max(std::abs(static_cast<double>(low)), std::abs(static_cast<double>(high)));
}

void require_near(double reached) {
  if (reached > farthest) fail("view: an index reaches {:.2g}; no tensor does", reached);
}

std::int64_t whole(double number) {
  if (number != std::trunc(number)) fail("view: {} is no whole number", number);
  require_near(std::abs(number));
  return static_cast<std::int64_t>(number);
}

Index parse_sum(Cursor& cursor, const VarBounds& of, int depth);

std::int64_t parse_integer(Cursor& cursor) { return whole(cursor.number()); }

Index parse_factor(Cursor& cursor, const VarBounds& of, int depth) {
  if (depth > deepest) fail("view: an index has more than {} parentheses", deepest);
  if (cursor.take("(")) {
    Index inner = parse_sum(cursor, of, depth + 1);
    cursor.expect(")", "after an index");
    return inner;
  }
  if (cursor.at_number()) return parse_integer(cursor);
  const std::string name(cursor.name());
  const bool axis = name.size() > 1 && name.size() < 5 && name[0] == 'a' &&
                    name.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!axis) fail("view: expected an axis such as a0, not {}", name.empty() ? cursor.next() : name);
  const Var var = std::stoi(name.substr(1));
  of(var);  // checks it
  return Index::var(var);
}

Index parse_product(Cursor& cursor, const VarBounds& of, int depth) {
  Index product = parse_factor(cursor, of, depth);
  for (;;) {
    if (cursor.take("*")) {
      const Index factor = parse_factor(cursor, of, depth);
      if (!product.is_constant() && !factor.is_constant())
        fail("view: an index may be multiplied by a number only");
      require_near(reach(product, of) * reach(factor, of));
      product = factor.is_constant() ? product * factor.constant() : factor * product.constant();
      continue;
    }
    const bool quotient = cursor.take("/");
    if (!quotient && !cursor.take("mod")) return product;
    const std::int64_t divisor = parse_integer(cursor);
    if (divisor < 1) fail("view: an index is divided by {}; it must be 1 or more", divisor);
    product = quotient ? floordiv(product, divisor, of) : mod(product, divisor, of);
  }
}

Index parse_sum(Cursor& cursor, const VarBounds& of, int depth) {
  const bool negative = cursor.take("-");
  Index sum = parse_product(cursor, of, depth) * (negative ? -1 : 1);
  for (;;) {
    require_near(reach(sum, of));
    if (cursor.take("+"))
      sum = sum + parse_product(cursor, of, depth);
    else if (cursor.take("-"))
      sum = sum - parse_product(cursor, of, depth);
    else
      return sum;
  }
}

// Calls parse(cursor) for every entry of the list that the attribute holds as text.
template <typename Parse>
void parse_entries(const std::string& list, Parse&& parse) {
  Cursor cursor(list);
  cursor.expect("[", "before a list");
  while (!cursor.take("]")) {
    parse(cursor);
    if (!cursor.starts("]")) cursor.expect(",", "in a list");
  }
}

// A list of indices. The parser has already read a list of numbers as numbers.
std::vector<Index> parse_map(const Attribute& attribute, const VarBounds& of) {
  std::vector<Index> map;
  if (const auto* numbers = std::get_if<std::vector<double>>(&attribute)) {
    for (const double number : *numbers) map.emplace_back(whole(number));
    return map;
  }
  const auto* list = std::get_if<std::string>(&attribute);
  if (!list || !list->starts_with("[")) fail("view: map must be a list, as in [2*a0 + 1, a1]");
  parse_entries(*list, [&](Cursor& cursor) { map.push_back(parse_sum(cursor, of, 0)); });
  return map;
}

std::vector<Range> parse_inside(const Attribute& attribute, const VarBounds& of) {
  const auto* none = std::get_if<std::vector<double>>(&attribute);
  if (none && none->empty()) return {};
  const auto* list = std::get_if<std::string>(&attribute);
  if (!list || !list->starts_with("["))
    fail("view: inside must be a list, as in [0 <= a0 - 1 < 5]");
  std::vector<Range> inside;
  parse_entries(*list, [&](Cursor& cursor) {
    const std::int64_t low = parse_integer(cursor);
    cursor.expect("<=", "in a range");
    const Index index = parse_sum(cursor, of, 0);
    cursor.expect("<", "in a range");
    inside.push_back({index, low, parse_integer(cursor)});
  });
  return inside;
}

Tensor make_view(const Given& given, const Call& call) {
  const Shape shape = given.shape("shape");
  const VarBounds of = [&](Var axis) {
    if (axis >= static_cast<Var>(shape.size()))
      fail("view: the map uses a{}, but the shape is {}", axis, text(shape));
    return axis_bounds(shape)(axis);
  };
  View made{{}, {}, given.number("fill", 0)};
  if (given.has("map")) made.map = parse_map(call.attributes.at("map"), of);
  if (given.has("inside")) made.inside = parse_inside(call.attributes.at("inside"), of);
  return view(given[0], shape, std::move(made));
}

Tensor make_reduce(const Given& given) {
  const bool sums = given.first_of("with", "sum", "max");
  if (given.operands() == 1)
    return reduce(sums ? Combine::sum : Combine::max, given[0], given.axes("axes"));
  if (!sums) fail("reduce: two operands give the sum of their products; write with=sum");
  return sum_of_products(given[0], given[1], given.axes("axes"));
}

// ---- the table ----

struct Primitive {
  std::string name;
  std::size_t least, most;  // operands
  std::vector<std::string> attributes;
  Tensor (*build)(const Given& given, const Call& call);
};
using G = const Given&;
using C = const Call&;

const std::vector<Primitive>& primitives() {
  static const std::vector<Primitive> table = {
      {"constant",
       0,
       0,
       {"value", "type"},
       [](G g, C) { return constant(g.executor, g.type("type"), g.number("value")); }},
      {"iota", 0, 0, {"length"}, [](G g, C) { return iota(g.executor, g.integer("length")); }},
      {"cast", 1, 1, {"type"}, [](G g, C) { return cast(g[0], g.type("type")); }},
      {"bitcast", 1, 1, {"type"}, [](G g, C) { return bitcast(g[0], g.type("type")); }},
      {"reduce", 1, 2, {"with", "axes"}, [](G g, C) { return make_reduce(g); }},
      {"view", 1, 1, {"shape", "map", "inside", "fill"}, [](G g, C c) { return make_view(g, c); }},
      {"gather", 2, 2, {"axis"}, [](G g, C) { return gather(g[0], g[1], g.axis("axis")); }},
      {"scatter",
       3,
       3,
       {"axis", "mode"},
       [](G g, C) {
         return scatter(g[0], g[1], g[2], g.axis("axis"), g.first_of("mode", "add", "set"));
       }},
  };
  return table;
}

std::optional<ScalarOp> scalar_named(std::string_view name) {
  const auto row = std::ranges::find(scalar_table, name, &ScalarInfo::name);
  if (row == scalar_table.end() || row->result == Result::named) return std::nullopt;
  return static_cast<ScalarOp>(row - scalar_table.begin());
}

void require_attributes(const Call& call, const std::vector<std::string>& known) {
  for (const auto& [name, value] : call.attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (const std::string& other : known) {
      if (!list.empty()) list += ", ";
      list += other;
    }
    fail("{}: there is no attribute {}; it takes {}", call.op, name, list.empty() ? "none" : list);
  }
}

}  // namespace

Tensor primitive(Executor& executor, const Call& call) {
  if (const auto op = scalar_named(call.op)) {
    require_attributes(call, {});
    return map(*op, call.operands);
  }
  const std::vector<Primitive>& table = primitives();
  const auto row = std::find_if(table.begin(), table.end(), [&](const Primitive& candidate) {
    return candidate.name == call.op;
  });
  if (row == table.end()) return {};
  const std::size_t count = call.operands.size();
  if (count < row->least || count > row->most)
    fail("{}: takes {} operand{}, not {}", call.op,
         row->least == row->most ? std::to_string(row->least)
                                 : fmt::format("{} or {}", row->least, row->most),
         row->most == 1 ? "" : "s", count);
  require_attributes(call, row->attributes);
  return row->build(Given(executor, call), call);
}

bool is_exact(const Call& call) {
  const auto op = scalar_named(call.op);
  if (!op || !call.attributes.empty()) return false;
  if (static_cast<int>(call.operands.size()) != info(*op).arity) return false;
  const Tensor& last = call.operands.back();
  for (std::size_t i = 0; i < call.operands.size(); i++) {
    const Tensor& operand = call.operands[i];
    const Type expected = op == ScalarOp::where && i == 0 ? Type::boolean : last.type();
    if (operand.shape() != last.shape() || operand.type() != expected) return false;
  }
  return true;
}

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const ScalarInfo& row : scalar_table) names.emplace_back(row.name);
  for (const Primitive& row : primitives())
    if (row.name != "cast" && row.name != "bitcast") names.push_back(row.name);
  return names;
}

}  // namespace tenon
