// The parser reads a line at a time and keeps the names that are defined.
#include "text/parse_graph.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/error.h"
#include "text/cursor.h"
#include "text/named_primitives.h"
#include "text/spelling.h"

namespace tenon {
namespace {

constexpr int deepest = 100;                                   // calls within calls
constexpr std::int64_t most_elements = std::int64_t{1} << 40;  // of an input

bool is_reserved(std::string_view name) {
  return name == "input" || name == "output" || name == "inf" || name == "nan";
}

class Parser {
 public:
  Parser(Executor& executor, const InputSource& input, const Resolver& resolver,
         std::span<const std::string> composed)
      : executor_(executor), input_(input), resolver_(resolver), operations_(primitive_names()) {
    operations_.insert(operations_.end(), composed.begin(), composed.end());
  }

  void parse_line(std::string_view line, int number) {
    Cursor cursor(line.substr(0, line.find('#')));
    if (cursor.done()) return;
    const std::string name(cursor.name());
    if (name == "output" && !cursor.starts("=")) {
      parse_outputs(cursor);
    } else {
      if (name.empty()) fail("expected NAME = .. or output NAME, .., not {}", cursor.next());
      if (is_reserved(name)) fail("{} is a word of the language; choose another name", name);
      if (const auto known = names_.find(name); known != names_.end())
        fail("{} is defined already, in line {}; choose another name", name, known->second.line);
      cursor.expect("=", fmt::format("after the name {}", name));
      const Tensor value = is_input(cursor) ? parse_input(cursor, name)
                                            : tensor_of(parse_argument(cursor, 0), Type::f32);
      executor_.nodes().set_name(*value.node(), name);
      names_.emplace(name, Defined{value, number});
    }
    if (!cursor.done()) fail("unexpected {} after the end of the statement", cursor.next());
  }

  // Requires at least one output.
  GraphText finish() && {
    if (graph_.outputs.empty()) fail("nothing is asked for; add a line: output NAME");
    return std::move(graph_);
  }

 private:
  struct Defined {
    Tensor value;
    int line;
  };
  // A tensor, or a number whose type depends on the other operands.
  struct Argument {
    Tensor tensor;
    double number = 0;
    bool has_point = false;
  };

  bool is_input(Cursor& cursor) {
    const std::size_t begin = cursor.at();
    if (cursor.name() == "input" && !cursor.starts("(")) return true;
    cursor.move_to(begin);
    return false;
  }

  Tensor parse_input(Cursor& cursor, const std::string& name) {
    InputLine line{name, {}, {}};
    const std::string type(cursor.name());
    const auto row = std::find_if(std::begin(type_table), std::end(type_table),
                                  [&](const TypeInfo& info) { return info.name == type; });
    if (row == std::end(type_table))
      fail("input: expected a type (f32, i32 or bool), not {}",
           type.empty() ? cursor.next() : fmt::format("'{}'", type));
    line.type = static_cast<Type>(row - std::begin(type_table));
    if (cursor.take("[")) {
      double count = 1;
      while (!cursor.take("]")) {
        const double extent = cursor.number();
        if (extent != std::trunc(extent) || extent < 0 || extent > double(most_elements))
          fail("input: the extent {} is no whole number of 0 or more", extent);
        line.shape.emplace_back(static_cast<std::int64_t>(extent));
        count *= std::max(extent, 1.0);
        if (!cursor.starts("]")) cursor.expect(",", "or ']' in the shape");
      }
      if (count > double(most_elements))
        fail("input: the shape {} has more than {} elements", text(line.shape), most_elements);
    }
    graph_.inputs.push_back(line);
    return input_(line);
  }

  void parse_outputs(Cursor& cursor) {
    do {
      const std::string name(cursor.name());
      if (name.empty()) fail("output: expected a name, not {}", cursor.next());
      const auto& all = graph_.output_names;
      if (std::find(all.begin(), all.end(), name) != all.end())
        fail("output: {} is named twice; name it once", name);
      graph_.output_names.push_back(name);
      graph_.outputs.push_back(look_up(name));
    } while (cursor.take(","));
  }

  const Tensor& look_up(const std::string& name) const {
    const auto known = names_.find(name);
    if (known != names_.end()) return known->second.value;
    std::vector<std::string> candidates;
    for (const auto& [other, defined] : names_) candidates.push_back(other);
    std::sort(candidates.begin(), candidates.end());
    fail("{} is not defined above{}", name, suggestion(name, candidates));
  }

  Argument parse_argument(Cursor& cursor, int depth) {
    if (depth > deepest) fail("more than {} calls within calls; give some a name", deepest);
    if (cursor.at_number()) {
      const std::size_t begin = cursor.at();
      const double number = cursor.number();
      const std::string_view token = cursor.text().substr(begin, cursor.at() - begin);
      return {{}, number, token.find_first_of(".eEn") != std::string_view::npos};
    }
    const std::string name(cursor.name());
    if (name.empty()) fail("expected a name, a number or a call, not {}", cursor.next());
    if (!cursor.take("(")) return {look_up(name)};
    return {parse_call(cursor, name, depth)};
  }

  // Parses a call from behind its opening parenthesis on.
  Tensor parse_call(Cursor& cursor, const std::string& op, int depth) {
    Call call{op, {}, {}};
    std::vector<Argument> arguments;
    const std::string where = fmt::format("or ')' in the call of {}", op);
    while (!cursor.take(")")) {
      if (cursor.done()) fail("the parenthesis of {}( is not closed", op);
      const std::string attribute = attribute_name(cursor);
      if (!attribute.empty()) {
        if (!call.attributes.emplace(attribute, parse_value(cursor)).second)
          fail("{}: {} is given twice", op, attribute);
      } else {
        if (!call.attributes.empty()) fail("{}: operands come before attributes", op);
        arguments.push_back(parse_argument(cursor, depth + 1));
      }
      if (cursor.done()) fail("the parenthesis of {}( is not closed", op);
      if (!cursor.starts(")")) cursor.expect(",", where);
    }
    const Type type = number_type(arguments);
    for (const Argument& argument : arguments) call.operands.push_back(tensor_of(argument, type));
    return build(call);
  }

  // The NAME of `NAME = value`, or "" if no attribute is next.
  static std::string attribute_name(Cursor& cursor) {
    const std::size_t begin = cursor.at();
    const std::string name(cursor.name());
    if (!name.empty() && cursor.take("=")) return name;
    cursor.move_to(begin);
    return "";
  }

  // A list that holds anything but numbers is returned as text, and the operation reads it.
  static Attribute parse_value(Cursor& cursor) {
    if (cursor.at_number()) return cursor.number();
    if (!cursor.take("[")) {
      const std::string word(cursor.name());
      if (word.empty()) fail("expected a number, a word or a list, not {}", cursor.next());
      return word;
    }
    const std::size_t begin = cursor.at() - 1;
    const std::size_t end = cursor.text().find(']', begin);
    if (end == std::string_view::npos) fail("a list is not closed with ]");
    const std::string list(cursor.text().substr(begin, end + 1 - begin));
    cursor.move_to(end + 1);
    std::vector<double> numbers;
    Cursor inner(std::string_view(list).substr(1, list.size() - 2));
    while (!inner.done()) {
      if (!inner.at_number()) return list;
      const std::size_t at = inner.at();
      if (inner.text().substr(at).find_first_of("(<") != std::string_view::npos) return list;
      numbers.push_back(inner.number());
      if (inner.done()) break;
      if (!inner.take(",")) return list;
    }
    return numbers;
  }

  // The type of the numbers among the arguments: i32 if all are written without point and exponent
  // and there are i32 operands but no f32 ones, else f32.
  static Type number_type(const std::vector<Argument>& arguments) {
    bool integers = false, floats = false;
    for (const Argument& argument : arguments) {
      if (argument.tensor.is_empty())
        floats = floats || argument.has_point;
      else
        (info(argument.tensor.type()).is_float ? floats : integers) |=
            argument.tensor.type() != Type::boolean;
    }
    return integers && !floats ? Type::i32 : Type::f32;
  }

  Tensor tensor_of(const Argument& argument, Type type) const {
    return argument.tensor.is_empty() ? constant(executor_, type, argument.number)
                                      : argument.tensor;
  }

  Tensor build(const Call& call) const {
    Tensor made;
    if (resolver_ && !is_exact(call)) made = resolver_(call);
    if (made.is_empty()) made = primitive(executor_, call);
    if (!made.is_empty()) return made;
    fail("unknown operation {}{}", call.op, suggestion(call.op, operations_));
  }

  Executor& executor_;
  const InputSource& input_;
  const Resolver& resolver_;
  std::vector<std::string> operations_;  // names, for suggestions
  std::unordered_map<std::string, Defined> names_;
  GraphText graph_;
};

}  // namespace

GraphText parse_graph(std::string_view text, std::string_view file, Executor& executor,
                      const InputSource& input, const Resolver& resolver,
                      std::span<const std::string> composed) {
  Parser parser(executor, input, resolver, composed);
  if (text.starts_with("\uFEFF")) text.remove_prefix(3);  // as some editors begin a file
  int number = 0;
  try {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      parser.parse_line(text.substr(begin, end - begin), ++number);
      begin = end + 1;
    }
    return std::move(parser).finish();
  } catch (const Error& error) {
    fail("{}:{}: {}", file, std::max(number, 1), error.what());
  }
}

}  // namespace tenon
