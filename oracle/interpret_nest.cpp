#include "oracle/interpret_nest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "lower/tree.h"

namespace tenon {
namespace {

struct OutOfBounds {
  std::string what;
};

class Evaluation {
 public:
  Evaluation(const Kernel& kernel, std::vector<std::vector<double>>& memory, bool backwards)
      : kernel_(kernel),
        memory_(memory),
        backwards_(backwards),
        position_(kernel.axes.size(), 0),
        known_(kernel.axes.size(), false) {
    for (std::size_t t = 0; t < kernel.tensors.size(); t++) {
      const KernelTensor& tensor = kernel.tensors[t];
      const auto size = static_cast<std::size_t>(tensor.elements());
      const double unwritten = info(tensor.type).is_float ? std::nan("") : 123454321.0;
      if (memory_[t].empty()) memory_[t].assign(size, unwritten);
      if (memory_[t].size() != size)
        throw OutOfBounds{fmt::format("the values given for {} do not fit", tensor.name)};
    }
  }

  void run() { items(kernel_.body); }

 private:
  std::int64_t index(const Index& i) const {
    return evaluate(i, [&](Var v) { return position_[static_cast<std::size_t>(v)]; });
  }

  bool hold(const std::vector<Range>& ranges) const {
    return std::all_of(ranges.begin(), ranges.end(), [&](const Range& range) {
      const std::int64_t i = index(range.index);
      return i >= range.low && i < range.high;
    });
  }

  bool all_known(const Index& i) const {
    std::vector<Var> vars;
    i.collect(vars);
    return std::all_of(vars.begin(), vars.end(),
                       [&](Var v) { return known_[static_cast<std::size_t>(v)]; });
  }

  // The limits as far as the loops around decide on them: all other axes are at 0.
  std::vector<Limit> limits_here() const {
    std::vector<Limit> result;
    for (const Limit& limit : kernel_.limits)
      if (const auto known = index_at_start(
              limit.index, [&](Var v) { return known_[static_cast<std::size_t>(v)]; }))
        result.push_back({*known, limit.bound});
    return result;
  }

  void items(const std::vector<Item>& all) {
    for (const Item& item : all) {
      if (const Loop* l = item.loop()) {
        if (hold(item.when)) loop(*l);
      } else if (const Store* s = item.store()) {
        at_lanes(*s, item.when, 0);
      }
    }
  }

  // Runs the statement for all values of its lanes from number `lane` on, if the conditions hold.
  void at_lanes(const Store& s, const std::vector<Range>& when, std::size_t lane) {
    if (lane < s.lanes.size())
      iterate(s.lanes[lane], [&] { at_lanes(s, when, lane + 1); });
    else if (hold(when))
      store(s);
  }

  template <typename Body>
  void iterate(Var axis, Body body) {
    iterate(Loop{axis, {}}, body);
  }
  template <typename Body>
  void iterate(const Loop& loop, Body body) {
    const Var axis = loop.axis;
    const auto a = static_cast<std::size_t>(axis);
    const Tag tag = kernel_.axes[a].tag;
    const bool down = backwards_ && tag != Tag::serial && tag != Tag::unroll && tag != Tag::mma;
    std::int64_t begin = 0, end = kernel_.axes[a].extent;
    for (const Index& bound : loop.begins) begin = std::max(begin, index(bound));
    for (const Index& bound : loop.ends) end = std::min(end, index(bound));
    known_[a] = true;
    const std::vector<Limit> limits = limits_here();
    const auto is_within = [&](const Limit& limit) { return index(limit.index) < limit.bound; };
    for (std::int64_t i = begin; i < end; i++) {
      position_[a] = down ? begin + end - 1 - i : i;
      if (std::all_of(limits.begin(), limits.end(), is_within)) body();
    }
    known_[a] = false;
    position_[a] = 0;
  }

  // Before the loop runs, every accumulation over its axis that begins there is set to the
  // identity. It begins there if the other axes that it runs over are at 0. That sets all elements
  // that the statement may reach in the loop, also those to which no term will be added.
  void loop(const Loop& l) {
    std::vector<Var> path;
    std::vector<Range> when;
    begin(l.body, l.axis, path, when);
    iterate(l, [&] { items(l.body); });
  }

  static bool contains(const std::vector<Var>& axes, Var v) {
    return std::find(axes.begin(), axes.end(), v) != axes.end();
  }

  // Does the accumulation begin in the loop over `entered`, which has not run an iteration yet?
  bool starts(const Store& s, Var entered) const {
    return s.combine && s.initial && contains(s.over, entered) &&
           std::all_of(s.over.begin(), s.over.end(),
                       [&](Var v) { return position_[static_cast<std::size_t>(v)] == 0; });
  }

  void begin(const std::vector<Item>& all, Var entered, std::vector<Var>& path,
             std::vector<Range>& when) {
    for (const Item& item : all) {
      const std::size_t conditions = when.size();
      when.insert(when.end(), item.when.begin(), item.when.end());
      if (const Loop* l = item.loop()) {
        path.push_back(l->axis);
        begin(l->body, entered, path, when);
        path.pop_back();
      } else if (const Store* s = item.store(); s && starts(*s, entered)) {
        begin_store(*s, path, 0, when);
      }
      when.resize(conditions);
    }
  }

  // Axes that are accumulated over are at 0 here and count as not known, so no limit or condition
  // on them is tested.
  void begin_store(const Store& s, const std::vector<Var>& path, std::size_t depth,
                   const std::vector<Range>& when) {
    if (depth < path.size()) {
      if (contains(s.over, path[depth])) return begin_store(s, path, depth + 1, when);
      return iterate(path[depth], [&] { begin_store(s, path, depth + 1, when); });
    }
    for (const Range& range : when)
      if (all_known(range.index) && !hold({range})) return;
    moment_++;
    element(s, [&](double& target) { target = identity(*s.combine, type(s.tensor)); });
  }

  Type type(int tensor) const { return kernel_.tensors[static_cast<std::size_t>(tensor)].type; }

  // Calls use(element) unless a computed subscript lies outside; returns whether it did.
  template <typename Use>
  bool element(const Access& access, Use use) {
    const KernelTensor& t = kernel_.tensors[static_cast<std::size_t>(access.tensor)];
    std::int64_t place = 0;
    for (std::size_t d = 0; d < access.at.size(); d++) {
      const bool is_computed = access.computed && static_cast<int>(d) == access.computed_axis;
      const std::int64_t i =
          is_computed ? static_cast<std::int64_t>(value(*access.computed)) : index(access.at[d]);
      if (i < 0 || i >= t.extents[d]) {
        if (is_computed) return false;
        throw OutOfBounds{
            fmt::format("subscript {} of {} is {}, of {}", d, t.name, i, t.extents[d])};
      }
      place = place * t.extents[d] + i;
    }
    use(memory_[static_cast<std::size_t>(access.tensor)][static_cast<std::size_t>(place)]);
    return true;
  }

  double value(const Value& v) {
    if (const auto* load = std::get_if<Load>(&v.detail)) {
      if (!hold(load->inside)) return load->fill;
      double result = 0;
      element(*load, [&](double& source) { result = source; });
      return result;
    }
    if (const auto* constant = std::get_if<Constant>(&v.detail)) return constant->value;
    if (const auto* i = std::get_if<IndexValue>(&v.detail))
      return round_to(Type::i32, static_cast<double>(index(i->index)));
    if (const auto* inside = std::get_if<Inside>(&v.detail)) return hold(inside->ranges) ? 1 : 0;
    if (const auto* fold = std::get_if<Fold>(&v.detail)) return folded(*fold, v.type);
    const auto& apply = std::get<Apply>(v.detail);
    auto& [when, result] = applied_[&v];
    if (when == moment_) return result;
    double operands[3] = {0, 0, 0};
    for (std::size_t i = 0; i < apply.operands.size(); i++) operands[i] = value(*apply.operands[i]);
    result = evaluate(apply.op, v.type, apply.operands.back()->type, operands[0], operands[1],
                      operands[2]);
    when = moment_;
    return result;
  }

  static double combine(Combine how, Type type, double a, double b) {
    return evaluate(how == Combine::sum ? ScalarOp::add : ScalarOp::max, type, type, a, b, 0);
  }

  double folded(const Fold& fold, Type type) {
    std::vector<double> lanes(static_cast<std::size_t>(fold.strands));
    for (int lane = 0; lane < fold.strands; lane++) {
      Access one = static_cast<const Access&>(fold);
      one.at[fold.computed_axis] = lane;
      element(one, [&](double& source) { lanes[static_cast<std::size_t>(lane)] = source; });
    }
    for (std::size_t half = lanes.size() / 2; half > 0; half /= 2)
      for (std::size_t lane = 0; lane < half; lane++)
        lanes[lane] = combine(fold.combine, type, lanes[lane], lanes[lane + half]);
    return lanes[0];
  }

  void store(const Store& s) {
    moment_++;
    const double term = value(*s.value);
    const double factor = s.factor ? value(*s.factor) : 1;
    element(s, [&](double& target) {
      if (!s.combine)
        target = term;
      else if (s.factor)
        target = std::fmaf(static_cast<float>(term), static_cast<float>(factor),
                           static_cast<float>(s.over.empty() && s.initial ? 0 : target));
      else
        target = combine(
            *s.combine, type(s.tensor),
            s.over.empty() && s.initial ? identity(*s.combine, type(s.tensor)) : target, term);
    });
  }

  const Kernel& kernel_;
  std::vector<std::vector<double>>& memory_;
  const bool backwards_;
  std::vector<std::int64_t> position_;  // of each axis
  std::vector<bool> known_;             // is a loop over the axis being run?
  std::uint64_t moment_ = 0;            // one for each execution of a statement
  // The value of each Apply, with the moment at which it was computed.
  std::unordered_map<const Value*, std::pair<std::uint64_t, double>> applied_;
};

}  // namespace

std::string run_nest(const Kernel& kernel, std::vector<std::vector<double>>& memory,
                     bool backwards) {
  try {
    Evaluation(kernel, memory, backwards).run();
  } catch (const OutOfBounds& problem) {
    return problem.what;
  }
  return "";
}

NestRun evaluate_nest(const Kernel& kernel, const std::vector<std::vector<double>>& inputs,
                      bool backwards) {
  std::vector<std::vector<double>> memory(kernel.tensors.size());
  const auto is_input = [&](std::size_t t) {
    return kernel.tensors[t].where == Where::argument && !kernel.tensors[t].is_output;
  };
  auto next = inputs.begin();
  for (std::size_t t = 0; t < memory.size(); t++)
    if (is_input(t) && next != inputs.end()) memory[t] = *next++;
  NestRun result;
  result.error = run_nest(kernel, memory, backwards);
  for (std::size_t t = 0; t < memory.size(); t++)
    if (kernel.tensors[t].is_output) result.outputs.push_back(std::move(memory[t]));
  return result;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
    return (std::isnan(x) && std::isnan(y)) ||
           std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  });
}

}  // namespace tenon
