#include "text/parse_graph.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/print_graph.h"
#include "ops/catalogue.h"
#include "ops/views.h"
#include "oracle/interpret_executor.h"

using namespace tenon;

namespace {

Tensor empty_input(Executor& executor, const InputLine& line) {
  const std::vector<char> zeros(elements(line.shape) * info(line.type).bytes);
  return from_bytes(executor, line.type, line.shape, zeros.data(), line.name);
}

GraphText parse(InterpretExecutor& executor, std::string_view text,
                const Resolver& resolver = compose) {
  return parse_graph(
      text, "g.txt", executor, [&](const InputLine& line) { return empty_input(executor, line); },
      resolver);
}

std::string parse_error(std::string_view text) {
  InterpretExecutor executor;
  try {
    parse(executor, text, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string print(const std::vector<Tensor>& tensors) {
  std::vector<NodeRef> roots;
  for (const Tensor& tensor : tensors) roots.push_back(tensor.node());
  return print_graph(roots);
}

// Prints the graph, parses the text with the same leaves, and compares the nodes.
void check_round_trip(InterpretExecutor& executor, const std::vector<Tensor>& tensors) {
  std::vector<NodeRef> roots, leaves;
  for (const Tensor& tensor : tensors) roots.push_back(tensor.node());
  for (const NodeRef& node : in_order(roots).nodes)
    if (node->as<BufferLeaf>()) leaves.push_back(node);
  const std::string text = print_graph(roots);
  CAPTURE(text);
  std::size_t next = 0;
  const GraphText parsed = parse_graph(text, "printed", executor,
                                       [&](const InputLine& line) {
                                         CHECK(line.shape == leaves[next]->shape);
                                         return Tensor(executor, leaves[next++]);
                                       },
                                       {});
  REQUIRE(parsed.outputs.size() == roots.size());
  for (std::size_t i = 0; i < roots.size(); i++) CHECK(parsed.outputs[i].node() == roots[i]);
}

}  // namespace

TEST_CASE("a graph prints a line a node") {
  InterpretExecutor executor;
  const GraphText graph = parse(executor, R"(
# comments and blank lines are nothing
x = input f32[4,6]   # so is this
y = input f32[4,6]
p = pad(mul(x, y), before=[0,1], fill=-inf)
t = reduce(p, with=max, axes=[1])
output t, p
)");
  CHECK(graph.inputs.size() == 2);
  CHECK(graph.output_names == std::vector<std::string>{"t", "p"});
  CHECK(print(graph.outputs) == R"(%0 = input f32[4,6]
%1 = input f32[4,6]
%2 = mul(%0, %1)  # f32[4,6]
%3 = view(%2, shape=[4,7], map=[a0, a1 - 1], inside=[0 <= a1 - 1 < 6], fill=-inf)  # f32[4,7]
%4 = reduce(%3, with=max, axes=[1])  # f32[4]
output %4, %3
)");
}

TEST_CASE("the same structure prints the same text, whatever its buffers and names") {
  InterpretExecutor executor;
  const char* const text = "a = input f32[3]\nb = add(a, a)\noutput b\n";
  const char* const other = "first = input f32[3]\noutput first\n";
  const GraphText one = parse(executor, text), two = parse(executor, text);
  CHECK(one.outputs[0].node() != two.outputs[0].node());
  CHECK(print(one.outputs) == print(two.outputs));
  CHECK(print(parse(executor, other).outputs) == "%0 = input f32[3]\noutput %0\n");
}

TEST_CASE("every kind of node comes back as itself") {
  InterpretExecutor executor;
  const auto input = [&](Type type, const Shape& shape) {
    return empty_input(executor, {"x", type, shape});
  };
  const Tensor x = input(Type::f32, {2, 3, 5}), y = input(Type::f32, {2, 3, 5});
  const Tensor index = input(Type::i32, {4});
  std::vector<Tensor> all{
      sum_of_products(x, y, {0, 2}),
      reduce(Combine::max, x, {1}),
      gather(x, index, 1),
      scatter(x, index, input(Type::f32, {2, 3, 4}), 2, true),
      scatter(index, index, index, 0, false),
      cast(index, Type::f32),
      bitcast(index, Type::f32),
      cast(x, Type::boolean),
      map(ScalarOp::where, {map(ScalarOp::lt, {x, y}), x, y}),
      iota(executor, 7),
      reshape(x, {5, 6}),
      reshape(permute(x, {2, 0, 1}), {3, 10}),
      flip(slice(x, {{}, {0, 3, 2}}), {0, 2}),
      window(pad(x, {{}, {}, {1, 2}}, 0.1), 2, 3, 2, 2),
      expand(input(Type::f32, {3, 1}), {2, 3, 4}),
      reshape(x, {30, 1, 1}),
      input(Type::f32, {0, 2}),
      pad(cast(x, Type::i32), {{0, 1}}, std::numeric_limits<std::int32_t>::min()),
      pad(cast(x, Type::boolean), {{0, 1}}, 1),
  };
  const double f32_values[] = {0.0, -0.0, 1.0 / 3, 1e-42, 3.4028235e38, -INFINITY, NAN, 16777217};
  for (const double value : f32_values) all.push_back(constant(executor, Type::f32, value));
  for (const double value : {-2147483648.0, 2147483647.0, 0.0})
    all.push_back(constant(executor, Type::i32, value));
  all.push_back(constant(executor, Type::boolean, 1));
  all.push_back(constant(executor, Type::f32, 2, {3, 4}));
  for (const Tensor& tensor : all) check_round_trip(executor, {tensor});
  check_round_trip(executor, all);
}

TEST_CASE("the usual views have their names") {
  InterpretExecutor executor;
  const auto ints = [&](const std::string& call) {
    const std::string text =
        fmt::format("i = iota(length=6)\nr = reshape(i, shape=[2,-1])\ny = {}\noutput y", call);
    return parse(executor, text).outputs[0].to_vector<std::int32_t>();
  };
  using Ints = std::vector<std::int32_t>;
  CHECK(ints("permute(r, order=[1,0])") == Ints{0, 3, 1, 4, 2, 5});
  CHECK(ints("slice(r, start=[0,2], stop=[2,-inf], step=[1,-2])") == Ints{2, 0, 5, 3});
  CHECK(ints("slice(r, start=[1])") == Ints{3, 4, 5});
  CHECK(ints("slice(r, step=[-1])") == Ints{3, 4, 5, 0, 1, 2});
  CHECK(ints("slice(r, start=[0], step=[-1])") == Ints{0, 1, 2});
  CHECK(ints("flip(i, axes=[0])") == Ints{5, 4, 3, 2, 1, 0});
  CHECK(ints("pad(i, after=[1], fill=9)") == Ints{0, 1, 2, 3, 4, 5, 9});
  CHECK(ints("window(i, axis=0, size=2, stride=4)") == Ints{0, 1, 4, 5});
  CHECK(ints("view(i, shape=[3], map=[(2*a0 + 9) / 2 - 4])") == Ints{0, 1, 2});
  CHECK(ints("view(i, shape=[2], map=[a0], inside=[])") == Ints{0, 1});
  CHECK(ints("add(reduce(i, with=sum, axes=[0]), 2)") == Ints{17});
  CHECK(ints("cast(where(lt(reduce(i, with=max, axes=[0]), 6), 1, 2.5), type=i32)") == Ints{1});
}

TEST_CASE("composed operations come through the resolver") {
  InterpretExecutor executor;
  const Resolver resolver = [](const Call& call) {
    return call.op == "twice" ? map(ScalarOp::add, {call.operands[0], call.operands[0]}) : Tensor();
  };
  const auto run = [&](std::string_view text) {
    return parse_graph(
        text, "g.txt", executor, [&](const InputLine& line) { return empty_input(executor, line); },
        resolver, std::vector<std::string>{"twice"});
  };
  CHECK(run("y = twice(twice(3))\noutput y").outputs[0].item<float>() == 12);
  CHECK_THROWS_WITH_AS(run("y = twixe(3)\noutput y"),
                       "g.txt:1: unknown operation twixe; did you mean twice?", Error);
}

TEST_CASE("mistakes in a graph file name the line") {
  const std::string x = "x = input f32[2,3]\n";
  const std::pair<std::string, std::string> table[] = {
      {"y = ad(x, x)", "unknown operation ad; did you mean add?"},
      {"y = frobnicate(x)", "unknown operation frobnicate"},
      {"y = add(x, xx)", "xx is not defined above; did you mean x?"},
      {"x = add(x, x)", "x is defined already, in line 1; choose another name"},
      {"input = add(x, x)", "input is a word of the language; choose another name"},
      {"y = add(x)", "add: takes 2 operands, not 1"},
      {"y = gather(x, axis=0)", "gather: takes 2 operands, not 1"},
      {"y = idiv(x, x)", "idiv: takes i32, not f32; cast the operand"},
      {"y = add(x, x) z", "unexpected 'z' after the end of the statement"},
      {"y = add(x, x", "the parenthesis of add( is not closed"},
      {"y = add(x, (x)", "expected a name, a number or a call, not '('"},
      {"y = add(x, x))", "unexpected ')' after the end of the statement"},
      {"y = add(x x)", "expected ',' or ')' in the call of add, not 'x'"},
      {"y add(x, x)", "expected '=' after the name y, not 'add'"},
      {"= add(x, x)", "expected NAME = .. or output NAME, .., not '='"},
      {"y = input f64[2]", "input: expected a type (f32, i32 or bool), not 'f64'"},
      {"y = input f32[2,-1]", "input: the extent -1 is no whole number of 0 or more"},
      {"y = input f32[2,1.5]", "input: the extent 1.5 is no whole number of 0 or more"},
      {"y = input f32[2 3]", "expected ',' or ']' in the shape, not '3'"},
      {"y = input f32[a]", "expected a number, not 'a'"},
      {"y = input f32[1000000,1000000,2]",
       "input: the shape [1000000,1000000,2] has more than 1099511627776 elements"},
      {"y = reduce(x, axes=[1])", "reduce: needs with=a word"},
      {"y = reduce(x, with=sum, axes=1)", "reduce: axes must be a list of numbers, as in [1,2]"},
      {"y = reduce(x, with=sum, axis=[1])",
       "reduce: there is no attribute axis; it takes with, axes"},
      {"y = reduce(x, with=mean, axes=[1])", "reduce: with is mean; it may be sum or max"},
      {"y = reduce(x, with=sum, axes=[2])", "sum: there is no axis 2 in [2,3]; axes are -2 to 1"},
      {"y = reduce(x, with=sum, axes=[4294967296])",
       "sum: there is no axis 2147483647 in [2,3]; axes are -2 to 1"},
      {"y = gather(x, iota(length=1), axis=inf)", "gather: axis holds inf, beyond 2^60"},
      {"y = flip(x, axes=[0], axes=[1])", "flip: axes is given twice"},
      {"y = flip(axes=[0], x)", "flip: operands come before attributes"},
      {"y = flip(x, axes=[0)", "a list is not closed with ]"},
      {"y = cast(x, type=f16)", "cast: there is no type f16; the types are f32, i32, bool"},
      {"y = view(x, shape=[2,0.5])", "view: shape holds 0.5, no whole number"},
      {"y = view(x, shape=[inf,2,3])", "view: shape holds inf, beyond 2^60"},
      {"y = view(x, shape=[4611686018427387904,2,3])",
       "view: shape holds 4611686018427387904, beyond 2^60"},
      {"y = iota(length=3000000000)",
       "iota: the length 3000000000 is over 2^31, as far as i32 counts"},
      {"y = iota(length=1e18)",
       "iota: the length 1000000000000000000 is over 2^31, as far as i32 counts"},
      {"y = " + std::string(1000000, 'a'),
       "the name aaaaaaaaaaaaaaaaaaaa.. has 1000000 letters; 200 are the most"},
      {"y = add(x, 1" + std::string(1000, '0') + ")",
       "the number 10000000000000000000.. has 1001 digits; 200 are the most"},
      {"y = mul(x, \u20ac)", "expected a name, a number or a call, not '\u20ac'"},
      {"y = mul(x, 1.2.3)", "expected a number, not '1.2.3'"},
      {"y = mul(x, 0x10)", "expected a number, not '0x10'"},
      {"y = view(x, shape=[2], map=[a0, a1])", "view: the map uses a1, but the shape is [2]"},
      {"y = view(x, shape=[2], map=[a0, a0*a0])",
       "view: an index may be multiplied by a number only"},
      {"y = view(x, shape=[2], map=[a0, b])", "view: expected an axis such as a0, not b"},
      {"y = view(x, shape=[2], map=[a0, a0 / 0])",
       "view: an index is divided by 0; it must be 1 or more"},
      {"y = view(x, shape=[2], map=[a0, a0 * 4000000000 * 4000000000 * 4])",
       "view: an index reaches 1.6e+19; no tensor does"},
      {"y = view(x, shape=[2], map=[a0, a0 - 5000000000000000 - 5000000000000000])",
       "view: an index reaches 1e+16; no tensor does"},
      {"y = view(x, shape=[2], map=[0, 1e16])", "view: an index reaches 1e+16; no tensor does"},
      {"y = view(x, shape=[2], map=[0, 0.5])", "view: 0.5 is no whole number"},
      {"y = view(x, shape=[2], map=[a0], inside=[0 < a0])", "expected '<=' in a range, not '<'"},
      {"output", "output: expected a name, not the end of the line"},
      {"output x, x", "output: x is named twice; name it once"},
      {"y = mul(x, x)", "nothing is asked for; add a line: output NAME"},
  };
  for (const auto& [line, message] : table) {
    const std::string text = x + line + "\n";
    CHECK(parse_error(text) == "g.txt:2: " + message);
  }
  CHECK(parse_error("\uFEFF" + x + "y") ==
        "g.txt:2: expected '=' after the name y, not the end of the line");
  CHECK(parse_error("") == "g.txt:1: nothing is asked for; add a line: output NAME");
}

TEST_CASE("deep nesting is an error, not a crash") {
  const auto nested = [](const std::string& open, const std::string& close, int depth) {
    std::string result;
    for (int i = 0; i < depth; i++) result += open;
    result += "x";
    for (int i = 0; i < depth; i++) result += close;
    return result;
  };
  CHECK(parse_error("x = input f32[2]\ny = " + nested("sqrt(", ")", 50000)) ==
        "g.txt:2: more than 100 calls within calls; give some a name");
  CHECK(parse_error("x = input f32[2]\ny = view(x, shape=[2], map=[" + nested("(", ")", 50000) +
                    "])") == "g.txt:2: view: an index has more than 100 parentheses");
}
