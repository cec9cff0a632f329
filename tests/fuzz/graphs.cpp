#include "graphs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace tenon::fuzz {
namespace {

using Extents = std::vector<std::int64_t>;
constexpr std::int64_t most_elements = 16'384;   // of a small graph's values
constexpr std::int64_t most_products = 200'000;  // terms of a small reduction
const Extents interesting = {1, 2, 3, 4, 5, 7, 8, 11, 13, 15, 16, 17, 23, 31, 33, 64, 67, 130};

std::int64_t count(const Extents& shape) {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

struct Known {
  std::string name, type;
  Extents shape;
  int uses = 0;
};

class Writer {
 public:
  Writer(Random& random, Extents pool) : random_(random), pool_(std::move(pool)) {}

  std::string write(int statements) {
    const int inputs = random_.chance(60) ? 1 : 2;
    for (int i = 0; i < inputs; ++i) input("f32", shape());
    while (static_cast<int>(known_.size()) < statements + inputs) step();
    return text_ + outputs();
  }

 private:
  Extents shape() {
    while (true) {
      Extents shape;
      for (std::int64_t rank = random_.between(1, 4); rank > 0; --rank)
        shape.push_back(random_.of(pool_));
      if (count(shape) <= most_elements / 2) return shape;
    }
  }

  std::size_t add(const std::string& type, Extents shape, const std::string& call) {
    known_.push_back({fmt::format("v{}", known_.size()), type, std::move(shape)});
    text_ += fmt::format("{} = {}; ", known_.back().name, call);
    return known_.size() - 1;
  }
  std::size_t input(const std::string& type, const Extents& shape) {
    return add(type, shape, fmt::format("input {}[{}]", type, fmt::join(shape, ",")));
  }
  std::string use(std::size_t value) {
    ++known_[value].uses;
    return known_[value].name;
  }
  // Takes later values more often, so that graphs are deep.
  std::size_t any(const std::string& type) {
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (known_[i].type == type) fitting.push_back(i);
    if (fitting.empty()) return input(type, shape());
    return random_.chance(50) ? fitting.back() : random_.of(fitting);
  }

  // An operand that broadcasts with the shape.
  std::string partner(const std::string& type, const Extents& shape) {
    if (random_.chance(20))
      return type == "f32" ? random_.of<std::string>({"0.5", "-1.25", "3.0", "0.1"})
                           : random_.of<std::string>({"1", "-3", "7"});
    std::vector<std::size_t> equal;
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (known_[i].type == type && known_[i].shape == shape) equal.push_back(i);
    if (!equal.empty() && random_.chance(60)) return use(random_.of(equal));
    Extents other = shape;
    for (std::int64_t& extent : other)
      if (random_.chance(40)) extent = 1;
    while (!other.empty() && random_.chance(30)) other.erase(other.begin());
    if (other.empty()) other = {1};
    return use(input(type, other));
  }

  void step() {
    const std::size_t before = known_.size();
    while (known_.size() == before) {
      const std::int64_t kind = random_.below(100);
      const std::size_t x = any("f32");
      if (kind < 22)
        binary(x);
      else if (kind < 34)
        unary(x);
      else if (kind < 50)
        reduction(x);
      else if (kind < 60)
        product(x);
      else if (kind < 82)
        view(x);
      else if (kind < 90)
        picking(x);
      else if (kind < 96)
        integers(x);
      else
        composed(x);
    }
  }

  void binary(std::size_t x) {
    const Extents shape = known_[x].shape;
    if (random_.chance(15)) {
      const std::string y = partner("f32", shape), z = partner("f32", shape);
      add("f32", shape, fmt::format("where(lt({}, {}), {}, {})", use(x), y, use(x), z));
      return;
    }
    const auto op = random_.of<std::string>({"add", "add", "mul", "mul", "max", "sub", "div"});
    const std::string y = partner("f32", shape);
    add("f32", shape, fmt::format("{}({}, {})", op, use(x), y));
  }

  void unary(std::size_t x) {
    const auto form = random_.of<std::string>({"exp2(mul({}, 0.25))", "sin({})", "sqrt(abs({}))",
                                               "relu({})", "neg({})", "sigmoid({})",
                                               "log2(add(square({}), 0.5))", "tanh({})"});
    add("f32", known_[x].shape, fmt::format(fmt::runtime(form), use(x)));
  }

  void reduction(std::size_t x) {
    const Extents from = known_[x].shape;
    std::vector<int> axes;
    Extents rest;
    const int reduced = random_.chance(25) ? 100 : 50;  // percent; sums over all axes have blocks
    for (std::size_t axis = 0; axis < from.size(); ++axis)
      if (random_.chance(reduced))
        axes.push_back(static_cast<int>(axis));
      else
        rest.push_back(from[axis]);
    if (axes.empty()) return;
    const std::string list = fmt::format("axes=[{}]", fmt::join(axes, ","));
    const std::int64_t kind = random_.below(4);
    if (kind == 0)
      add("f32", rest, fmt::format("reduce({}, with=max, {})", use(x), list));
    else if (kind == 1)
      add("f32", rest, fmt::format("sum(mul({0}, {0}), {1})", use(x), list));
    else
      add("f32", rest, fmt::format("reduce({}, with=sum, {})", use(x), list));
  }

  void product(std::size_t x) {
    const Extents from = known_[x].shape;
    if (from.size() < 2 || from.size() > 3) return;
    Extents to = from;
    to.back() = random_.of(pool_);
    if (count(from) * to.back() > most_products || count(to) > most_elements) return;
    const bool turned = random_.chance(40);
    const std::int64_t k = from.back(), n = to.back();
    std::string y = use(input("f32", turned ? Extents{n, k} : Extents{k, n}));
    if (turned) y = fmt::format("transpose({})", y);
    add("f32", to, fmt::format("matmul({}, {})", use(x), y));
  }

  void view(std::size_t x) {
    const std::string type = known_[x].type;
    const Extents from = known_[x].shape;
    if (from.empty()) return;
    Extents to = from;
    const auto axis =
        static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(from.size())));
    const std::int64_t kind = random_.below(6);
    if (from[axis] == 0 && (kind == 3 || kind == 4)) return;
    switch (kind) {
      case 0: {
        std::vector<std::size_t> order(from.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        random_.shuffle(order);
        for (std::size_t i = 0; i < order.size(); ++i) to[i] = from[order[i]];
        add(type, to, fmt::format("permute({}, order=[{}])", use(x), fmt::join(order, ",")));
        return;
      }
      case 1:
        add(type, to, fmt::format("flip({}, axes=[{}])", use(x), axis));
        return;
      case 2: {
        Extents before(from.size(), 0), after(from.size(), 0);
        before[axis] = random_.between(0, 3);
        after[axis] = random_.between(0, 3);
        to[axis] += before[axis] + after[axis];
        const auto fill = random_.of<std::string>({"0", "0", "1.5", "-inf"});
        if (count(to) > most_elements) return;
        add(type, to,
            fmt::format("pad({}, before=[{}], after=[{}], fill={})", use(x), fmt::join(before, ","),
                        fmt::join(after, ","), fill));
        return;
      }
      case 3: {
        const std::int64_t size = random_.between(1, std::min<std::int64_t>(3, from[axis]));
        const std::int64_t stride = random_.between(1, 2);
        to[axis] = (from[axis] - size) / stride + 1;
        to.push_back(size);
        if (count(to) > most_elements || to.size() > 5) return;
        add(type, to,
            fmt::format("window({}, axis={}, size={}, stride={})", use(x), axis, size, stride));
        return;
      }
      case 4: {
        Extents start(from.size(), 0), step(from.size(), 1);
        if (type == "f32" && from[axis] > 3 && random_.chance(60)) {  // a stencil
          start[axis] = random_.between(1, 3);
          to[axis] = from[axis] - start[axis];
          const std::string from_there = use(x), to_there = use(x);
          add(type, to,
              fmt::format("add(slice({}, stop=[{}]), slice({}, start=[{}]))", from_there,
                          fmt::join(to, ","), to_there, fmt::join(start, ",")));
          return;
        }
        start[axis] = random_.below(from[axis]);
        step[axis] = random_.between(1, 3);
        to[axis] = (from[axis] - start[axis] + step[axis] - 1) / step[axis];
        add(type, to,
            fmt::format("slice({}, start=[{}], step=[{}])", use(x), fmt::join(start, ","),
                        fmt::join(step, ",")));
        return;
      }
      default:
        reshape(x);
    }
  }

  void reshape(std::size_t x) {
    const Extents from = known_[x].shape;
    Extents to = from;
    if (random_.chance(40)) {  // a new axis, along which the elements repeat
      const std::int64_t extent = random_.of(pool_);
      if (count(from) * extent > most_elements || from.size() > 3) return;
      const auto place = random_.below(static_cast<std::int64_t>(from.size()) + 1);
      to.insert(to.begin() + place, 1);
      const std::string thin = fmt::format("{}", fmt::join(to, ","));
      to[static_cast<std::size_t>(place)] = extent;
      add(known_[x].type, to,
          fmt::format("expand(reshape({}, shape=[{}]), shape=[{}])", use(x), thin,
                      fmt::join(to, ",")));
      return;
    }
    if (from.size() < 2) return;
    const auto axis =
        static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(from.size()) - 1));
    to[axis] *= to[axis + 1];
    to.erase(to.begin() + static_cast<std::ptrdiff_t>(axis) + 1);
    add(known_[x].type, to, fmt::format("reshape({}, shape=[{}])", use(x), fmt::join(to, ",")));
  }

  void picking(std::size_t x) {
    const Extents from = known_[x].shape;
    if (from.empty()) return;
    const auto axis =
        static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(from.size())));
    const std::int64_t length = random_.of(pool_);
    Extents picked = from;
    picked[axis] = length;
    if (count(picked) > most_elements) return;
    const std::string index = use(input("i32", {length}));
    if (random_.chance(60)) {
      add("f32", picked, fmt::format("gather({}, {}, axis={})", use(x), index, axis));
      return;
    }
    const std::string update = use(input("f32", picked));
    add("f32", from,
        fmt::format("scatter({}, {}, {}, axis={}, mode={})", use(x), index, update, axis,
                    random_.chance(50) ? "add" : "set"));
  }

  void integers(std::size_t x) {
    switch (random_.below(4)) {
      case 0:
        add("i32", known_[x].shape, fmt::format("cast(mul({}, 4.0), type=i32)", use(x)));
        return;
      case 1: {
        const std::size_t y = any("i32");
        const auto op = random_.of<std::string>({"add", "mul", "idiv", "mod", "and", "max"});
        const std::string z = partner("i32", known_[y].shape);
        add("i32", known_[y].shape, fmt::format("{}({}, {})", op, use(y), z));
        return;
      }
      case 2: {
        const std::size_t y = any("i32");
        add("f32", known_[y].shape, fmt::format("mul(cast({}, type=f32), 0.125)", use(y)));
        return;
      }
      default: {
        const std::size_t y = any("i32");
        if (known_[y].shape.empty()) return;
        Extents rest(known_[y].shape.begin(), known_[y].shape.end() - 1);
        add("i32", rest,
            fmt::format("reduce({}, with={}, axes=[{}])", use(y),
                        random_.chance(50) ? "sum" : "max", rest.size()));
      }
    }
  }

  void composed(std::size_t x) {
    const Extents from = known_[x].shape;
    if (from.empty()) return;
    switch (random_.below(3)) {
      case 0:
        add("f32", from, fmt::format("softmax({}, axis=-1)", use(x)));
        return;
      case 1:
        add("f32", from, fmt::format("layernorm({}, axes=-1)", use(x)));
        return;
      default:
        add("i32", {from.begin(), from.end() - 1}, fmt::format("argmax({}, axis=-1)", use(x)));
    }
  }

  // All values that nothing uses, and sometimes another.
  std::string outputs() {
    std::vector<std::string> names;
    for (const Known& value : known_)
      if (value.uses == 0 || random_.chance(8)) names.push_back(value.name);
    return fmt::format("output {}", fmt::join(names, ", "));
  }

  Random& random_;
  const Extents pool_;
  std::vector<Known> known_;
  std::string text_;
};

}  // namespace

std::string random_graph(Random& random) {
  Extents pool;
  for (std::int64_t i = random.between(2, 4); i > 0; --i) pool.push_back(random.of(interesting));
  if (random.chance(5)) pool.push_back(0);
  const int statements =
      static_cast<int>(random.chance(70) ? random.between(2, 8) : random.between(9, 30));
  return Writer(random, pool).write(statements);
}

}  // namespace tenon::fuzz
