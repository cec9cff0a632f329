// Writes random programs of sessions. Each expression is also built on the interpreter, without
// computing it, so that its shape is known. A statement that is refused there is left out. Views
// are written in session_views.cpp.
#include <algorithm>
#include <optional>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codegen/cpu_backend.h"
#include "core/error.h"
#include "oracle/interpret_executor.h"
#include "sessions.h"

namespace tenon::fuzz {
namespace {

class Author {
 public:
  explicit Author(Random& random) : random_(random) {
    const std::vector<std::int64_t> extents{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 24, 33};
    for (std::int64_t i = random.between(2, 4); i > 0; --i) pool_.push_back(random.of(extents));
    if (random.chance(10)) pool_.push_back(0);
    if (random.chance(10)) {  // sums of more than one block
      pool_.push_back(random.of<std::int64_t>({67, 130, 1'100, 2'100}));
      most_elements_ = 30'000;
    }
  }

  std::string write() {
    for (std::int64_t leaves = random_.between(1, 4); leaves > 0; --leaves) input();
    for (std::int64_t steps = random_.between(5, 40); steps > 0; --steps) step();
    for (const auto& [name, tensor] : world_.tensors) say("read " + name);
    return print(said_);
  }

 private:
  // ---- statements ----

  bool say(const std::string& text) {
    Statement statement = parse_statements(text)[0];
    if (!world_.knows(statement.operands)) return false;
    try {
      if (!statement.results.empty() && statement.verb != "assign") {
        world_.build(statement);
        for (const std::string& name : statement.results)
          if (elements(world_.tensors[name].shape()) > most_elements_ ||
              world_.tensors[name].rank() > 5)
            fail("too large");
      }
    } catch (const Error&) {
      for (const std::string& name : statement.results) world_.tensors.erase(name);
      return false;
    }
    said_.push_back(std::move(statement));
    return true;
  }
  std::optional<std::string> define(const std::string& expression) {
    const std::string name = fmt::format("v{}", next_++);
    if (!say(name + " = " + expression)) return {};
    latest_ = name;
    return name;
  }
  const Tensor& at(const std::string& name) { return world_.tensors.at(name); }

  std::string input(Type type, const Shape& shape) {
    return define(fmt::format("input {}{}", info(type).name, text(shape))).value_or("v0");
  }
  std::string input() {
    while (true) {
      Shape shape;
      for (std::int64_t rank = random_.below(10) / 2; rank > 0; --rank)
        shape.push_back(random_.of(pool_));
      if (elements(shape) > most_elements_ / 2) continue;
      return input(random_.of<Type>({Type::f32, Type::f32, Type::f32, Type::i32, Type::boolean}),
                   shape);
    }
  }

  // Takes the latest tensor more often, so that graphs are deep.
  std::string any() {
    if (random_.chance(55) && world_.tensors.contains(latest_)) return latest_;
    std::vector<std::string> names;
    for (const auto& [name, tensor] : world_.tensors) names.push_back(name);
    return names.empty() ? input() : random_.of(names);
  }
  std::string any(Type type) {
    for (int attempt = 0; attempt < 8; ++attempt)
      if (const std::string name = any(); at(name).type() == type) return name;
    return random_.chance(50) ? input(type, {random_.of(pool_), random_.of(pool_)})
                              : fmt::format("cast({}, type={})", any(), info(type).name);
  }
  // A tensor of the same type and shape: another one, or x.
  std::string like(const std::string& x) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : world_.tensors)
      if (tensor.type() == at(x).type() && tensor.shape() == at(x).shape()) names.push_back(name);
    return random_.of(names);
  }
  std::string several() {
    std::vector<std::string> names;
    for (std::int64_t i = random_.between(1, 3); i > 0; --i) names.push_back(any());
    return fmt::format("{}", fmt::join(names, ", "));
  }

  void step() {
    const std::int64_t kind = random_.below(100);
    if (kind < 4) {
      input();
    } else if (kind < 38) {
      for (std::int64_t chain = random_.between(1, 3); chain > 0; --chain) define(view(any()));
    } else if (kind < 62) {
      define(expression());
    } else if (kind < 74) {
      say((random_.chance(85) ? "realize " : "launch ") + several());
    } else if (kind < 78) {
      say("read " + any());
    } else if (kind < 86) {
      const std::string to = any();
      if (random_.chance(70)) say("realize " + to);
      if (random_.chance(30))
        if (const auto other = define(same(to)))
          say(fmt::format("realize {}{}", *other, random_.chance(50) ? ", " + to : ""));
      const std::string value = random_.chance(50) ? like(to) : changed(to);
      if (world_.tensors.contains(value)) say(fmt::format("assign {} = {}", to, value));
    } else if (kind < 90) {
      differentiate();
    } else if (kind < 94) {
      const std::string gone = any();
      say("drop " + gone);
      world_.tensors.erase(gone);
    } else {
      repeat();
    }
  }

  // A new value of the same shape, made of the old one.
  std::string changed(const std::string& x) {
    const Tensor tensor = at(x);
    std::optional<std::string> made;
    if (tensor.rank() > 0 && random_.chance(50))
      made = define(fmt::format("flip({}, axes=[{}])", x, random_.below(tensor.rank())));
    else if (tensor.rank() > 0 && random_.chance(50))
      made = define(
          fmt::format("slice(pad({0}, before=[2]), stop=[{1}])", x, tensor.shape()[0].value()));
    else if (tensor.type() != Type::boolean)
      made = define(fmt::format("add({}, {})", x, like(x)));
    return made.value_or(x);
  }

  void differentiate() {
    const std::string x = any();
    if (at(x).type() != Type::f32) return;
    std::vector<std::string> by{x};
    if (const std::string y = any(); at(y).type() == Type::f32 && y != x) by.push_back(y);
    std::string made = random_.chance(50) ? x : like(x);
    for (int i = 0; i < 2; ++i)
      if (const auto next = define(random_.chance(50) ? view(made) : smooth(made))) made = *next;
    const auto loss = define(fmt::format("sum(mul({0}, {0}))", made));
    if (!loss) return;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < by.size(); ++i) names.push_back(fmt::format("v{}", next_++));
    say(fmt::format("gradients {} = {} by {}", fmt::join(names, ", "), *loss, fmt::join(by, ", ")));
  }

  // Repeats the latest expressions, on other tensors of the same shapes; two operands may become
  // one tensor.
  void repeat() {
    std::vector<Statement> again;
    std::set<std::string> made;
    for (std::size_t i = said_.size() - std::min<std::size_t>(said_.size(), 6); i < said_.size();
         ++i)
      if (said_[i].verb == "=") again.push_back(said_[i]);
    std::map<std::string, std::string> other;
    for (const Statement& statement : again) {
      if (statement.operands.empty()) continue;
      std::string text = statement.text.substr(statement.text.find(" = ") + 3);
      for (const std::string& name : statement.operands) {
        if (!other.contains(name)) {
          if (!world_.tensors.contains(name)) return;
          other[name] = random_.chance(60) ? like(name) : name;
        }
      }
      std::string replaced;
      static const std::regex word("v[0-9]+|[^v]+|v");
      for (std::sregex_iterator part(text.begin(), text.end(), word), end; part != end; ++part)
        replaced += other.contains(part->str()) ? other[part->str()] : part->str();
      const auto name = define(replaced);
      if (!name) return;
      other[statement.results[0]] = *name;
    }
  }

  // ---- expressions ----

  std::string smooth(const std::string& x) {
    const auto form = random_.of<std::string>({"sin({0})", "tanh({0})", "mul({0}, 0.5)",
                                               "add({0}, {1})", "mul({0}, {1})", "softmax({0})",
                                               "relu({0})", "sqrt(add(abs({0}), 0.5))"});
    return fmt::format(fmt::runtime(form), x, world_.tensors.contains(x) ? like(x) : x);
  }

  std::string expression() {
    switch (random_.below(10)) {
      case 0:
      case 1:
        return smooth(any(Type::f32));
      case 2: {
        const std::string x = any();
        return at(x).type() == Type::boolean
                   ? fmt::format("{}({}, {})", random_.of<std::string>({"xor", "and"}), x, like(x))
                   : fmt::format("{}({}, {})",
                                 random_.of<std::string>({"add", "sub", "mul", "max", "lt", "eq"}),
                                 x, beside(x));
      }
      case 3: {
        const std::string x = any();
        if (at(x).rank() == 0) return view(x);
        const std::int64_t axis = random_.below(at(x).rank());
        return fmt::format("{}({}, axes=[{}]{})", random_.of<std::string>({"sum", "sum", "max"}), x,
                           axis, random_.chance(30) ? ", keepdims=true" : "");
      }
      case 4:
        return product();
      case 5: {
        const std::string x = any(Type::f32);
        const auto form = random_.of<std::string>(
            {"softmax({})", "layernorm({})", "argmax({})", "mean({})", "cast({}, type=i32)",
             "stack({0}, {0}, axis=-1)", "gelu({})", "var({})"});
        return fmt::format(fmt::runtime(form), x);
      }
      case 6:
      case 7:
        return picking();
      case 8: {
        const std::string x = any();
        if (at(x).rank() == 0) return fmt::format("stack({}, {})", x, like(x));
        return fmt::format("concat({}, {}, {}, axis={})", x, like(x), beside(x),
                           random_.below(at(x).rank()));
      }
      default: {
        const std::string x = any();
        if (random_.chance(50))
          return fmt::format("cast({}, type={})", x,
                             random_.of<std::string>({"f32", "i32", "bool"}));
        return same(x);
      }
    }
  }

  // An expression whose value is that of x.
  std::string same(const std::string& x) {
    const auto form = random_.of<std::string>(
        {"where(eq({0}, {0}), {0}, {0})", "mul({0}, 1)", "reshape(reshape({0}, shape=[-1,1]), {1})",
         "flip(flip({0}, axes=[0]), axes=[0])", "add({0}, -0.0)"});
    return fmt::format(fmt::runtime(form), x, fmt::format("shape={}", text(at(x).shape())));
  }

  // An operand for x: another tensor of its shape, x with its elements in another order, or a
  // number.
  std::string beside(const std::string& x) {
    const auto rank = at(x).rank();
    if (rank > 0 && random_.chance(25))
      return fmt::format("flip({}, axes=[{}])", x, random_.below(rank));
    if (rank > 0 && random_.chance(25))
      return fmt::format("slice(pad({}, before=[1]), stop=[{}])", x, at(x).shape()[0].value());
    return random_.chance(15) ? "3" : like(x);
  }

  std::string product() {
    const std::string x = any(Type::f32);
    if (!world_.tensors.contains(x) || at(x).rank() < 2) return smooth(x);
    const std::int64_t k = at(x).extent(-1), m = at(x).extent(-2), n = random_.of(pool_);
    const auto form = random_.below(4);
    if (form == 0)
      return fmt::format("matmul({}, transpose({}))", x, beside(x) == "3" ? x : like(x));
    if (form == 1) return fmt::format("matmul(transpose({}), {})", x, input(Type::f32, {m, n}));
    if (form == 2) return fmt::format("matmul({}, {})", x, input(Type::f32, {k, n}));
    return fmt::format("matmul({}, transpose({}))", x, input(Type::f32, {n, k}));
  }

  std::string picking() {
    const std::string x = any();
    const int rank = at(x).rank();
    if (rank == 0) return view(x);
    const std::int64_t axis = random_.below(rank);
    Shape picked = at(x).shape();
    const std::int64_t length = random_.of(pool_);
    picked[static_cast<std::size_t>(axis)] = length;
    std::string index = random_.chance(50) ? input(Type::i32, {length})
                                           : fmt::format("sub(iota(length={}), 1)", length);
    if (random_.chance(50)) return fmt::format("gather({}, {}, axis={})", x, index, axis);
    if (elements(picked) > most_elements_) return view(x);
    return fmt::format("scatter({}, {}, {}, axis={}, mode={})", x, index,
                       input(at(x).type(), picked), axis,
                       at(x).type() != Type::boolean && random_.chance(60) ? "add" : "set");
  }

  std::string view(const std::string& x) { return random_view(random_, pool_, x, at(x)); }

  Random& random_;
  std::vector<std::int64_t> pool_;
  std::int64_t most_elements_ = 1'200;
  InterpretExecutor executor_;
  World world_{executor_};
  std::vector<Statement> said_;
  std::string latest_;
  int next_ = 0;
};

}  // namespace

std::string random_session(Random& random) {
  std::vector<Isa> isas{Isa::avx512, Isa::avx2, Isa::fma128};
  std::erase_if(isas, [](Isa isa) { return isa < widest_isa(); });
  const int threads = random.chance(50) ? 2 : 1;
  const Isa isa = random.of(isas);
  return fmt::format("session {} {} | {}", threads, name(isa), Author(random).write());
}

}  // namespace tenon::fuzz
