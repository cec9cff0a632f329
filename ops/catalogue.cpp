#include "ops/catalogue.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/arguments.h"
#include "ops/arithmetic.h"
#include "ops/convolution.h"
#include "ops/functions.h"
#include "ops/indexing.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/operands.h"
#include "ops/random.h"
#include "ops/reductions.h"
#include "ops/views.h"

namespace tenon {
namespace {

std::vector<int> list_of(const Arguments& given, std::string_view name) {
  const std::vector<std::int64_t> axes = given.integers(name);
  return {axes.begin(), axes.end()};
}

// The attribute `name` as axes: a number, a list, or [] for all.
Axes axes_of(const Arguments& given, std::string_view name) { return list_of(given, name); }

Pair pair_of(const Arguments& given, std::string_view name) {
  const std::vector<std::int64_t> sizes = given.integers(name);
  if (sizes.empty() || sizes.size() > 2)
    fail("{}: {} must be one number, or two as in [2,1]: down and across", given.name(), name);
  return {sizes.front(), sizes.back()};
}

Shape shape_of(const Arguments& given, std::string_view name) {
  const std::vector<std::int64_t> extents = given.integers(name);
  return {extents.begin(), extents.end()};
}

// The attribute `shape`, whose extents may be as large as those of a tensor, or -1.
Shape extents_of(const Arguments& given) {
  Shape shape;
  for (const double extent : given.numbers("shape", "whole number")) {
    if (extent != std::trunc(extent))
      fail("{}: shape holds {}, no whole number", given.name(), extent);
    if (std::fabs(extent) > 0x1p60)
      fail("{}: shape holds {:.19g}, beyond 2^60", given.name(), extent);
    shape.push_back(static_cast<std::int64_t>(extent));
  }
  return shape;
}

Pooling pooling_of(const Arguments& given) {
  Pooling options{.padding = pair_of(given, "padding")};
  if (!given.integers("stride").empty()) options.stride = pair_of(given, "stride");
  return options;
}

// A seed may be written as a number, which the text of a graph makes an f32 constant.
Tensor seed_of(const Arguments& given, const Tensor& seed) {
  if (const auto* number = seed.node()->as<ConstantLeaf>())
    if (info(seed.type()).is_float &&
        !(number->value == std::trunc(number->value) && std::fabs(number->value) < 0x1p24))
      fail("{}: {} is no whole number below 2^24; write the seed as constant(value=N, type=i32)",
           given.name(), number->value);
  return cast(seed, Type::i32);
}

Gelu gelu_form(const Arguments& given) {
  const std::string form = given.word("form");
  if (form != "erf" && form != "tanh") fail("gelu: form is '{}'; it may be erf or tanh", form);
  return form == "erf" ? Gelu::erf : Gelu::tanh;
}

// The greater or lesser of each pair of two tensors, or the greatest or least element of one.
Tensor extreme(const Arguments& given, Tensor (*of_two)(const Tensor&, const Tensor&),
               Tensor (*of_one)(const Tensor&, const Axes&, bool)) {
  const Axes axes = axes_of(given, "axes");
  const bool keepdims = given.flag("keepdims");
  if (given.operands().size() == 1) return of_one(given[0], axes, keepdims);
  if (keepdims || !given.integers("axes").empty())
    fail("{}: axes and keepdims are for one operand, not for pairs of elements of two",
         given.name());
  return of_two(given[0], given[1]);
}

// Sets a field of the first entries to the attribute's numbers; there is one entry for each axis. A
// number beyond 2^61 is taken for 2^61, so that the sum of two fits into 64 bits.
template <typename Entry, typename Field>
void set_each(std::vector<Entry>& entries, Field Entry::* field, const Arguments& given,
              std::string_view name) {
  constexpr double limit = 0x1p61;
  const std::vector<double> numbers = given.numbers(name, "whole number");
  if (numbers.size() > entries.size())
    fail("{}: {} has {} numbers for the {} axes of {}", given.name(), name, numbers.size(),
         entries.size(), text(given[0].shape()));
  for (std::size_t axis = 0; axis < numbers.size(); axis++) {
    const double number = numbers[axis];
    if (number != std::trunc(number))
      fail("{}: {} holds {}, no whole number", given.name(), name, number);
    entries[axis].*field = static_cast<std::int64_t>(std::clamp(number, -limit, limit));
  }
}

Tensor sliced(const Arguments& given) {
  std::vector<Slice> slices(given[0].rank());
  set_each(slices, &Slice::start, given, "start");
  set_each(slices, &Slice::stop, given, "stop");
  set_each(slices, &Slice::step, given, "step");
  return slice(given[0], std::move(slices));
}

Tensor padded(const Arguments& given) {
  std::vector<Pad> pads(given[0].rank());
  set_each(pads, &Pad::before, given, "before");
  set_each(pads, &Pad::after, given, "after");
  return pad(given[0], std::move(pads), given.number("fill"));
}

// A row of the table. A heading is a row that has a signature and nothing else.
struct Operation {
  std::string_view signature, summary;
  Tensor (*build)(const Arguments&);
};
using Given = const Arguments&;

constexpr Operation table[] = {
    {"Arithmetic", {}, nullptr},
    {"add(x, y)", "x + y; operands broadcast as in NumPy", [](Given a) { return a[0] + a[1]; }},
    {"sub(x, y)", "x - y", [](Given a) { return a[0] - a[1]; }},
    {"mul(x, y)", "x times y", [](Given a) { return a[0] * a[1]; }},
    {"div(x, y)", "x / y; f32", [](Given a) { return a[0] / a[1]; }},
    {"idiv(x, y)", "x / y rounded down, or 0 if y is 0; i32",
     [](Given a) { return idiv(a[0], a[1]); }},
    {"mod(x, y)", "the remainder of idiv, with the sign of y; i32",
     [](Given a) { return mod(a[0], a[1]); }},
    {"neg(x)", "-x", [](Given a) { return -a[0]; }},
    {"abs(x)", "the absolute value of x", [](Given a) { return abs(a[0]); }},
    {"Comparison and choice", {}, nullptr},
    {"lt(x, y)", "x < y, to bool; false if an operand is NaN", [](Given a) { return a[0] < a[1]; }},
    {"le(x, y)", "x <= y", [](Given a) { return a[0] <= a[1]; }},
    {"gt(x, y)", "x > y", [](Given a) { return a[0] > a[1]; }},
    {"ge(x, y)", "x >= y", [](Given a) { return a[0] >= a[1]; }},
    {"eq(x, y)", "x == y", [](Given a) { return a[0] == a[1]; }},
    {"ne(x, y)", "x != y; true if an operand is NaN", [](Given a) { return a[0] != a[1]; }},
    {"and(x, y)", "x and y; of i32, bit by bit", [](Given a) { return a[0] & a[1]; }},
    {"or(x, y)", "x or y or both; of i32, bit by bit", [](Given a) { return a[0] | a[1]; }},
    {"xor(x, y)", "x or y but not both; of i32, bit by bit", [](Given a) { return a[0] ^ a[1]; }},
    {"not(x)", "the opposite; of i32, every bit flipped", [](Given a) { return !a[0]; }},
    {"where(condition, x, y)", "x where the bool condition holds, else y",
     [](Given a) { return where(a[0], a[1], a[2]); }},
    {"Functions of f32", {}, nullptr},
    {"exp(x)", "e to the power of x", [](Given a) { return exp(a[0]); }},
    {"log(x)", "the natural logarithm", [](Given a) { return log(a[0]); }},
    {"sqrt(x)", "the square root", [](Given a) { return sqrt(a[0]); }},
    {"square(x)", "x times x", [](Given a) { return square(a[0]); }},
    {"sin(x)", "the sine of x in radians", [](Given a) { return sin(a[0]); }},
    {"cos(x)", "the cosine of x in radians", [](Given a) { return cos(a[0]); }},
    {"tanh(x)", "the hyperbolic tangent", [](Given a) { return tanh(a[0]); }},
    {"sigmoid(x)", "1 / (1 + exp(-x))", [](Given a) { return sigmoid(a[0]); }},
    {"softplus(x)", "log(1 + exp(x))", [](Given a) { return softplus(a[0]); }},
    {"relu(x)", "max(x, 0)", [](Given a) { return relu(a[0]); }},
    {"silu(x)", "x sigmoid(x)", [](Given a) { return silu(a[0]); }},
    {"erf(x)", "the error function", [](Given a) { return erf(a[0]); }},
    {"gelu(x, form=erf)",
     "x times the normal distribution function of x; form is erf, or tanh for an approximation",
     [](Given a) { return gelu(a[0], gelu_form(a)); }},
    {"Reductions", {}, nullptr},
    {"sum(x, axes=[], keepdims=false)", "the sum over some axes, or all; bool counts as i32",
     [](Given a) { return sum(a[0], axes_of(a, "axes"), a.flag("keepdims")); }},
    {"mean(x, axes=[], keepdims=false)", "the mean; f32",
     [](Given a) { return mean(a[0], axes_of(a, "axes"), a.flag("keepdims")); }},
    {"var(x, axes=[], keepdims=false, correction=0)",
     "the sum of squared distances from the mean, divided by count - correction; f32",
     [](Given a) {
       return var(a[0], axes_of(a, "axes"), a.flag("keepdims"), a.axis("correction"));
     }},
    {"max(x, y?, axes=[], keepdims=false)",
     "the greatest element; of two tensors, the greater one of each pair",
     [](Given a) { return extreme(a, maximum, max); }},
    {"min(x, y?, axes=[], keepdims=false)",
     "the least element; of two tensors, the lesser one of each pair",
     [](Given a) { return extreme(a, minimum, min); }},
    {"argmax(x, axis=-1, keepdims=false)", "the index of the first greatest element; i32",
     [](Given a) { return argmax(a[0], a.axis("axis"), a.flag("keepdims")); }},
    {"Products and windows", {}, nullptr},
    {"matmul(x, y)", "the matrix product over the last two axes; the others broadcast",
     [](Given a) { return matmul(a[0], a[1]); }},
    {"transpose(x)", "the last two axes swapped", [](Given a) { return transpose(a[0]); }},
    {"conv2d(x, weights, stride=1, padding=0, dilation=1, groups=1)",
     "the convolution of images [N,C,H,W] with weights [Co,C/groups,R,S]",
     [](Given a) {
       return conv2d(a[0], a[1],
                     {.stride = pair_of(a, "stride"),
                      .padding = pair_of(a, "padding"),
                      .dilation = pair_of(a, "dilation"),
                      .groups = a.integer("groups")});
     }},
    {"max_pool2d(x, size=N, stride=[], padding=0)",
     "the greatest element of every window; the default stride is the size",
     [](Given a) { return max_pool2d(a[0], pair_of(a, "size"), pooling_of(a)); }},
    {"avg_pool2d(x, size=N, stride=[], padding=0)", "the mean of every window; padding counts as 0",
     [](Given a) { return avg_pool2d(a[0], pair_of(a, "size"), pooling_of(a)); }},
    {"Normalization and loss", {}, nullptr},
    {"softmax(x, axis=-1)", "exp(x) over its sum along an axis",
     [](Given a) { return softmax(a[0], a.axis("axis")); }},
    {"log_softmax(x, axis=-1)", "the logarithm of softmax",
     [](Given a) { return log_softmax(a[0], a.axis("axis")); }},
    {"layernorm(x, axes=-1, epsilon=1e-5)", "(x - mean) / sqrt(variance + epsilon)",
     [](Given a) { return layernorm(a[0], axes_of(a, "axes"), a.number("epsilon")); }},
    {"cross_entropy(logits, labels)",
     "the mean of -log_softmax(logits) at the i32 labels; NaN if a label is no class",
     [](Given a) { return cross_entropy(a[0], a[1]); }},
    {"Views", {}, nullptr},
    {"reshape(x, shape=S)", "the elements of x, row-major, in another shape; one extent may be -1",
     [](Given a) { return reshape(a[0], extents_of(a)); }},
    {"expand(x, shape=S)", "extents of 1 repeat; shapes are aligned at the end",
     [](Given a) { return expand(a[0], extents_of(a)); }},
    {"permute(x, order=A)", "axis a of the result is axis order[a] of x",
     [](Given a) { return permute(a[0], list_of(a, "order")); }},
    {"slice(x, start=[], stop=[], step=[])",
     "as in NumPy; the lists have an entry for each axis. inf is the end, -inf is before the "
     "start, and step=[-1] alone reverses the first axis",
     sliced},
    {"flip(x, axes=A)", "x with the order along these axes reversed",
     [](Given a) { return flip(a[0], list_of(a, "axes")); }},
    {"pad(x, before=[], after=[], fill=0)",
     "elements around x; the lists have an entry for each axis", padded},
    {"window(x, axis=N, size=N, stride=1, dilation=1)",
     "the elements under each position of a window, along a new last axis",
     [](Given a) {
       return window(a[0], a.axis("axis"), a.integer("size"), a.integer("stride"),
                     a.integer("dilation"));
     }},
    {"Joining and picking", {}, nullptr},
    {"concat(x, ..., axis=0)", "tensors one after the other along an axis",
     [](Given a) { return concat(a.operands(), a.axis("axis")); }},
    {"stack(x, ..., axis=0)", "tensors of one shape along a new axis",
     [](Given a) { return stack(a.operands(), a.axis("axis")); }},
    {"take_along_axis(x, index, axis=-1)",
     "the elements of x along an axis, each at its own i32 index",
     [](Given a) { return take_along_axis(a[0], a[1], a.axis("axis")); }},
    {"one_hot(labels, classes=N)", "1 at the label and 0 elsewhere, along a new last axis",
     [](Given a) { return one_hot(a[0], a.integer("classes")); }},
    {"Random numbers", {}, nullptr},
    {"uniform(seed, shape=S, stream=0)", "f32 numbers in [0, 1) from an i32 seed",
     [](Given a) { return uniform(seed_of(a, a[0]), shape_of(a, "shape"), a.axis("stream")); }},
    {"normal(seed, shape=S, stream=0)", "f32 numbers with mean 0 and variance 1 from an i32 seed",
     [](Given a) { return normal(seed_of(a, a[0]), shape_of(a, "shape"), a.axis("stream")); }},
    {"dropout(x, seed, rate=R, stream=0)",
     "x with the share `rate` of its elements set to 0, and the others divided by 1 - rate",
     [](Given a) { return dropout(a[0], a.number("rate"), seed_of(a, a[1]), a.axis("stream")); }},
};

std::string_view name_of(std::string_view signature) {
  return signature.substr(0, signature.find('('));
}

}  // namespace

Tensor compose(const Call& call) {
  for (const Operation& operation : table) {
    if (operation.build == nullptr || name_of(operation.signature) != call.op) continue;
    const Signature signature(operation.signature);
    return operation.build(Arguments(signature, call));
  }
  return {};
}

std::vector<OperationLine> operation_lines() {
  std::vector<OperationLine> lines;
  std::string_view group;
  for (const Operation& operation : table) {
    if (operation.build == nullptr)
      group = operation.signature;
    else
      lines.push_back({group, operation.signature, operation.summary});
  }
  return lines;
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const OperationLine& line : operation_lines()) names.emplace_back(name_of(line.signature));
  return names;
}

std::string operations_page() {
  std::string page =
      "# Composed operations, by their names in a graph file\n\n"
      "This page is printed from the table in ops/catalogue.cpp, and a test compares the two.\n"
      "Operands come first, then attributes with their defaults. The operand `y?` may be missing,\n"
      "`x, ...` is one operand or more, and an attribute with a default in capitals must be "
      "given.\n"
      "The headers in ops have the same operations for C++, mostly under the same names. `max(x, "
      "y)`\n"
      "and `min(x, y)` are `maximum` and `minimum` there, and arithmetic, comparison and logic "
      "are\n"
      "operators: `x + y`, `x < y`, `x & y`. graph-text.md has the primitives.\n";
  std::string_view group;
  for (const OperationLine& line : operation_lines()) {
    if (line.group != group)
      page += fmt::format("\n## {}\n\n| operation | gives |\n|---|---|\n", line.group);
    group = line.group;
    page += fmt::format("| `{}` | {} |\n", line.signature, line.summary);
  }
  return page;
}

}  // namespace tenon
