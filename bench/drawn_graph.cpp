#include "bench/drawn_graph.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "bench/drawing.h"

namespace tenon::bench {
namespace {

// Applies the operation to the last value, whose rank fits. Returns false, and adds nothing, if the
// extents do not fit.
using Draw = bool (*)(Drawing& d, const char* name);

bool map(Drawing& d, const char* name) {
  d.set(fmt::format("{}({})", name, d.value), d.shape);
  return true;
}
bool positive(Drawing& d, const char* name) {  // of |x|
  d.set(fmt::format("{}(abs({}))", name, d.value), d.shape);
  return true;
}
bool pair(Drawing& d, const char* name) {
  const std::string other = d.input(d.other());
  d.set(fmt::format("{}({}, {})", name, d.value, other), d.shape);
  return true;
}
bool integers(Drawing& d, const char* name) {
  const std::string other = d.input(d.other(), "i32");
  d.set(fmt::format("cast({}(cast({}, type=i32), {}), type=f32)", name, d.value, other), d.shape);
  return true;
}
bool comparison(Drawing& d, const char* name) {
  const std::string other = d.input(d.other());
  d.set(fmt::format("where({}({}, {}), {}, 0)", name, d.value, other, d.value), d.shape);
  return true;
}
bool logic(Drawing& d, const char* name) {
  d.set(fmt::format("where({}(lt({}, 0.5), gt({}, -0.5)), {}, 1)", name, d.value, d.value, d.value),
        d.shape);
  return true;
}
bool negation(Drawing& d, const char* name) {
  d.set(fmt::format("where({}(lt({}, 0)), {}, 0)", name, d.value, d.value), d.shape);
  return true;
}
bool reduction(Drawing& d, const char* name) {
  std::vector<int> axes;
  Extents result;
  for (int a = 0; a < d.rank(); ++a)
    if (d.below(2) == 0)
      axes.push_back(a);
    else
      result.push_back(d.shape[a]);
  if (axes.empty()) return false;
  d.set(fmt::format("{}({}, axes=[{}])", name, d.value, fmt::join(axes, ",")), result);
  return true;
}
bool index_of(Drawing& d, const char* name) {
  const int axis = d.axis();
  d.set(fmt::format("cast({}({}, axis={}), type=f32)", name, d.value, axis), d.without(axis));
  return true;
}
bool product(Drawing& d, const char* name) {
  const std::int64_t n = d.extent();
  Extents result = d.shape, right = d.shape;
  right[d.rank() - 2] = d.shape.back();
  right.back() = result.back() = n;
  if (d.rank() > 2 && d.below(2) == 0) right = {d.shape.back(), n};
  if (elements(result) > most_elements || elements(right) > most_elements) return false;
  if (d.below(3) == 0) {  // the right operand is stored transposed
    std::swap(right.back(), right[right.size() - 2]);
    d.set(fmt::format("{}({}, transpose({}))", name, d.value, d.input(right)), result);
  } else {
    d.set(fmt::format("{}({}, {})", name, d.value, d.input(right)), result);
  }
  return true;
}
bool swapped(Drawing& d, const char* name) {
  Extents result = d.shape;
  std::swap(result.back(), result[d.rank() - 2]);
  d.set(fmt::format("{}({})", name, d.value), result);
  return true;
}
// How many windows of this size fit along an axis with the padding; nothing if none fits.
std::optional<std::int64_t> positions(std::int64_t extent, std::int64_t size, std::int64_t stride,
                                      std::int64_t padding) {
  const std::int64_t covered = extent + 2 * padding - size;
  if (covered < 0) return {};
  return covered / stride + 1;
}
bool convolution(Drawing& d, const char* name) {
  const std::int64_t size = d.one_of({1, 3, 3, 5, 7}), stride = d.one_of({1, 1, 2});
  const std::int64_t padding = d.below(2) * (size / 2), channels = d.shape[1];
  const bool is_depthwise = d.below(3) == 0;
  const std::int64_t outputs = is_depthwise ? channels : d.one_of({3, 8, 32, 64, 100, 128});
  const auto h = positions(d.shape[2], size, stride, padding);
  const auto w = positions(d.shape[3], size, stride, padding);
  if (!h || !w || d.shape[0] * outputs * *h * *w > most_elements) return false;
  const std::string weights = d.input({outputs, is_depthwise ? 1 : channels, size, size});
  d.set(fmt::format("{}({}, {}, stride={}, padding={}, groups={})", name, d.value, weights, stride,
                    padding, is_depthwise ? channels : 1),
        {d.shape[0], outputs, *h, *w});
  return true;
}
bool pooling(Drawing& d, const char* name) {
  const std::int64_t size = d.one_of({2, 3}), stride = d.one_of({1, 2}), padding = size / 2;
  const auto h = positions(d.shape[2], size, stride, padding);
  const auto w = positions(d.shape[3], size, stride, padding);
  if (!h || !w) return false;
  d.set(fmt::format("{}({}, size={}, stride={}, padding={})", name, d.value, size, stride, padding),
        {d.shape[0], d.shape[1], *h, *w});
  return true;
}
bool along(Drawing& d, const char* name) {
  d.set(fmt::format("{}({}, axis={})", name, d.value, d.axis()), d.shape);
  return true;
}
bool normalization(Drawing& d, const char* name) {
  d.set(fmt::format("{}({})", name, d.value), d.shape);
  return true;
}
bool loss(Drawing& d, const char* name) {
  d.set(fmt::format("{}({}, {})", name, d.value, d.input({d.shape[0]}, "i32")), {});
  return true;
}
bool reshaped(Drawing& d, const char* name) {
  Extents result(d.shape.begin() + 1, d.shape.end());
  result[0] *= d.shape[0];
  d.set(fmt::format("{}({}, shape=[{}])", name, d.value, fmt::join(result, ",")), result);
  return true;
}
bool repeated(Drawing& d, const char* name) {
  Extents result = d.shape;
  result.insert(result.begin(), d.one_of({2, 3, 8}));
  if (elements(result) > most_elements) return false;
  d.set(fmt::format("{}({}, shape=[{}])", name, d.value, fmt::join(result, ",")), result);
  return true;
}
bool permuted(Drawing& d, const char* name) {
  std::vector<int> order(d.rank());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, d.random);
  Extents result;
  for (const int axis : order) result.push_back(d.shape[axis]);
  d.set(fmt::format("{}({}, order=[{}])", name, d.value, fmt::join(order, ",")), result);
  return true;
}
bool sliced(Drawing& d, const char* name) {
  const int axis = d.axis();
  const std::int64_t step = d.one_of({1, 1, 2});
  if (d.shape[axis] < 3) return false;
  Extents result = d.shape;
  result[axis] = (d.shape[axis] - 1 + step - 1) / step;
  d.set(fmt::format("{}({}, start={}, stop={}, step={})", name, d.value,
                    d.list([&](int a) { return a == axis ? 1 : 0; }),
                    d.list([&](int a) { return d.shape[a]; }),
                    d.list([&](int a) { return a == axis ? step : 1; })),
        result);
  return true;
}
bool flipped(Drawing& d, const char* name) {
  d.set(fmt::format("{}({}, axes=[{}])", name, d.value, d.axis()), d.shape);
  return true;
}
bool padded(Drawing& d, const char* name) {
  const int axis = d.axis();
  Extents result = d.shape;
  result[axis] += 3;
  d.set(fmt::format("{}({}, before={}, after={})", name, d.value,
                    d.list([&](int a) { return a == axis ? 1 : 0; }),
                    d.list([&](int a) { return a == axis ? 2 : 0; })),
        result);
  return true;
}
bool windowed(Drawing& d, const char* name) {
  const int axis = d.axis();
  if (d.shape[axis] < 3 || d.count() > most_elements / 3) return false;
  Extents result = d.shape;
  result[axis] -= 2;
  result.push_back(3);
  d.set(fmt::format("{}({}, axis={}, size=3)", name, d.value, axis), result);
  return true;
}
bool joined(Drawing& d, const char* name) {
  if (d.count() > most_elements / 3) return false;
  const bool is_stack = std::string_view(name) == "stack";
  const int axis = d.axis();
  Extents result = d.shape;
  if (is_stack)
    result.insert(result.begin() + axis, 3);
  else
    result[axis] *= 3;
  const std::string second = d.input(d.shape), third = d.input(d.shape);
  d.set(fmt::format("{}({}, {}, {}, axis={})", name, d.value, second, third, axis), result);
  return true;
}
bool taken(Drawing& d, const char* name) {
  const int axis = d.axis();
  d.set(fmt::format("{}({}, {}, axis={})", name, d.value, d.input(d.shape, "i32"), axis), d.shape);
  return true;
}
bool classes(Drawing& d, const char* name) {
  if (d.count() > most_elements / 10) return false;
  Extents result = d.shape;
  result.push_back(10);
  d.set(fmt::format("cast({}(cast({}, type=i32), classes=10), type=f32)", name, d.value), result);
  return true;
}
bool random_numbers(Drawing& d, const char* name) {
  d.set(fmt::format("mul({}, {}(7, shape=[{}]))", d.value, name, fmt::join(d.shape, ",")), d.shape);
  return true;
}
bool dropped(Drawing& d, const char* name) {
  d.set(fmt::format("{}({}, 7, rate=0.1)", name, d.value), d.shape);
  return true;
}

struct Operation {
  const char* name;
  int weight;
  Draw draw;
  int least_rank = 0, most_rank = 9;  // of the value that the operation takes
  int first_rank = 0;                 // of the value if the operation is the first; 0: any
};
constexpr Operation operations[] = {
    {"add", 2, pair},
    {"sub", 1, pair},
    {"mul", 2, pair},
    {"div", 1, pair},
    {"idiv", 1, integers},
    {"mod", 1, integers},
    {"neg", 1, map},
    {"abs", 1, map},
    {"lt", 1, comparison},
    {"le", 1, comparison},
    {"gt", 1, comparison},
    {"ge", 1, comparison},
    {"eq", 1, comparison},
    {"ne", 1, comparison},
    {"and", 1, logic},
    {"or", 1, logic},
    {"xor", 1, logic},
    {"not", 1, negation},
    {"exp", 1, map},
    {"log", 1, positive},
    {"sqrt", 1, positive},
    {"square", 1, map},
    {"sin", 1, map},
    {"cos", 1, map},
    {"tanh", 1, map},
    {"sigmoid", 1, map},
    {"softplus", 1, map},
    {"relu", 2, map},
    {"silu", 1, map},
    {"erf", 1, map},
    {"gelu", 1, map},
    {"sum", 4, reduction, 1},
    {"mean", 2, reduction, 1},
    {"var", 2, reduction, 1},
    {"max", 2, reduction, 1},
    {"min", 1, reduction, 1},
    {"argmax", 2, index_of, 1},
    {"matmul", 6, product, 2, 9, 2},
    {"transpose", 3, swapped, 2},
    {"conv2d", 6, convolution, 4, 4, 4},
    {"max_pool2d", 2, pooling, 4, 4, 4},
    {"avg_pool2d", 2, pooling, 4, 4, 4},
    {"softmax", 3, along, 1},
    {"log_softmax", 1, along, 1},
    {"layernorm", 2, normalization, 1},
    {"cross_entropy", 1, loss, 2, 2, 2},
    {"reshape", 1, reshaped, 2},
    {"expand", 1, repeated},
    {"permute", 3, permuted, 2},
    {"slice", 2, sliced, 1},
    {"flip", 1, flipped, 1},
    {"pad", 2, padded, 1},
    {"window", 1, windowed, 1},
    {"concat", 2, joined, 1},
    {"stack", 1, joined, 1},
    {"take_along_axis", 1, taken, 1},
    {"one_hot", 1, classes},
    {"uniform", 1, random_numbers},
    {"normal", 1, random_numbers},
    {"dropout", 1, dropped},
};

bool draw(Drawing& d, const Operation& operation) {
  return d.rank() >= operation.least_rank && d.rank() <= operation.most_rank &&
         operation.draw(d, operation.name);
}

// The operation that comes first in the graph of this seed. Among as many successive seeds as the
// weights add up to, each operation comes as often as its weight.
const Operation& first_operation(std::uint64_t seed) {
  std::uint64_t total = 0;
  for (const Operation& operation : operations) total += operation.weight;
  std::uint64_t at = seed * 7919 % total;  // a prime, so that neighbours differ
  for (const Operation& operation : operations) {
    if (at < static_cast<std::uint64_t>(operation.weight)) return operation;
    at -= operation.weight;
  }
  return operations[0];
}

Extents drawn_shape(Drawing& d, int rank) {
  for (;;) {
    Extents shape(rank > 0 ? rank : 1 + d.below(4));
    for (std::int64_t& extent : shape) extent = d.extent();
    if (shape.size() == 1) shape[0] *= 997;
    const std::int64_t count = elements(shape);
    if (count >= 30'000 && count <= most_elements) return shape;
  }
}

}  // namespace

std::string drawn_graph(std::uint64_t seed) {
  Drawing d(seed);
  const Operation& first = first_operation(seed);
  for (;;) {
    d.head = d.body = "";
    d.inputs = d.values = 0;
    d.shape = drawn_shape(d, first.first_rank);
    d.value = d.input(d.shape);
    if (draw(d, first)) break;
  }
  for (std::int64_t more = d.below(4); more > 0; --more) {
    const Operation& next = operations[d.below(std::size(operations))];
    if (d.count() > 1) draw(d, next);
  }
  return d.head + d.body + fmt::format("output {}\n", d.value);
}

}  // namespace tenon::bench
