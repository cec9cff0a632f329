// The text form of a nest.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>
#include <unordered_map>

#include "lower/nest.h"

namespace tenon {
namespace {

class Printer {
 public:
  explicit Printer(const Kernel& kernel) : kernel_(kernel), bounds_(kernel.bounds()) {
    for (const Axis& axis : kernel.axes) short_names_.push_back(shortest(axis.name));
  }

  std::string operator()() {
    header();
    items(kernel_.body, 1);
    return out_;
  }

 private:
  // `sum.k` prints as `k` where no other axis ends like that.
  std::string shortest(const std::string& whole) const {
    const std::size_t dot = whole.find('.');
    if (dot == std::string::npos || whole.rfind('.') != dot) return whole;
    const std::string last = whole.substr(dot + 1);
    return kernel_.find_axis(last) ? last : whole;
  }

  std::string index(const Index& i) const {
    return text(i, [this](Var v) { return short_names_.at(static_cast<std::size_t>(v)); });
  }

  std::string list(const std::vector<Index>& at) const {
    std::vector<std::string> parts;
    for (const Index& i : at) parts.push_back(index(i));
    return fmt::format("{}", fmt::join(parts, ","));
  }

  std::string ranges(const std::vector<Range>& all) const {
    std::vector<std::string> parts;
    for (const Range& r : all) {
      const Bounds reach = bounds(r.index, bounds_);
      if (r.high == r.low + 1)
        parts.push_back(fmt::format("{} == {}", index(r.index), r.low));
      else if (reach.low >= r.low)
        parts.push_back(fmt::format("{} < {}", index(r.index), r.high));
      else if (reach.high < r.high)
        parts.push_back(fmt::format("{} >= {}", index(r.index), r.low));
      else
        parts.push_back(fmt::format("{} <= {} < {}", r.low, index(r.index), r.high));
    }
    return fmt::format("{}", fmt::join(parts, " and "));
  }

  const std::string& tensor(int t) const {
    return kernel_.tensors.at(static_cast<std::size_t>(t)).name;
  }

  std::string element(int t, const std::vector<Index>& at, int axis,
                      const ValueRef& computed) const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < at.size(); ++i)
      parts.push_back(static_cast<int>(i) == axis ? value(computed) : index(at[i]));
    return parts.empty() ? tensor(t) : fmt::format("{}[{}]", tensor(t), fmt::join(parts, ","));
  }

  static std::string number(double v) {
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    return fmt::format("{}", v);
  }

  std::string operator_text(const Apply& apply) const {
    std::vector<std::string> parts;
    for (const ValueRef& operand : apply.operands) parts.push_back(value(operand));
    switch (apply.op) {
      case ScalarOp::add:
        return fmt::format("({} + {})", parts[0], parts[1]);
      case ScalarOp::mul:
        return fmt::format("{} * {}", parts[0], parts[1]);
      default:
        return fmt::format("{}({})", info(apply.op).name, fmt::join(parts, ", "));
    }
  }

  std::string value(const ValueRef& v) const {
    const auto shared = shared_.find(v.get());
    return shared == shared_.end() ? formula(v) : fmt::format("%{}", shared->second);
  }

  // A value that is used more than once in the statement has a line of its own: `%1 = ..`.
  void share(const ValueRef& v, int depth) {
    if (!v) return;
    std::unordered_map<const Value*, int> uses;
    std::vector<ValueRef> order;
    const std::function<void(const ValueRef&)> count = [&](const ValueRef& at) {
      const auto* apply = std::get_if<Apply>(&at->detail);
      if (!apply || ++uses[at.get()] > 1) return;
      for (const ValueRef& operand : apply->operands) count(operand);
      order.push_back(at);
    };
    count(v);
    for (const ValueRef& at : order) {
      if (uses[at.get()] < 2 || shared_.contains(at.get())) continue;
      const std::string text = formula(at);
      shared_[at.get()] = static_cast<int>(shared_.size()) + 1;
      out_.append(static_cast<std::size_t>(depth) * 2, ' ');
      out_ += fmt::format("%{} = {}\n", shared_.size(), text);
    }
  }

  std::string formula(const ValueRef& v) const {
    if (const auto* load = std::get_if<Load>(&v->detail)) {
      std::string read = element(load->tensor, load->at, load->computed_axis, load->computed);
      if (load->inside.empty()) return read;
      return fmt::format("({} if {} else {})", read, ranges(load->inside), number(load->fill));
    }
    if (const auto* constant = std::get_if<Constant>(&v->detail)) return number(constant->value);
    if (const auto* i = std::get_if<IndexValue>(&v->detail))
      return "index(" + index(i->index) + ")";
    if (const auto* inside = std::get_if<Inside>(&v->detail))
      return "(" + ranges(inside->ranges) + ")";
    if (const auto* fold = std::get_if<Fold>(&v->detail))
      return fmt::format("fold({}[{}:{}])", tensor(fold->tensor),
                         fold->at.empty() ? "" : list(fold->at) + ",", fold->lanes);
    const auto& apply = std::get<Apply>(v->detail);
    if (apply.op == ScalarOp::cast || apply.op == ScalarOp::bitcast)
      return fmt::format("{}({})", info(v->type).name, value(apply.operands[0]));
    return operator_text(apply);
  }

  std::string store(const Store& s) const {
    std::string target = element(s.tensor, s.at, s.computed_axis, s.computed);
    std::string text = value(s.value);
    if (s.factor) text += " * " + value(s.factor);
    if (!s.combine)
      text = target + " = " + text;
    else if (*s.combine == Combine::sum)
      text = target + " += " + text;
    else
      text = fmt::format("{} max= {}", target, text);
    if (s.combine && s.initial && !s.over.empty()) {
      std::vector<std::string> names;
      for (Var v : s.over) names.push_back(short_names_.at(static_cast<std::size_t>(v)));
      text += fmt::format(" over {}", fmt::join(names, ", "));
    }
    if (s.stream) text += " stream";
    if (s.async) text += " async";
    return text;
  }

  void items(const std::vector<Item>& all, int depth) {
    for (const Item& item : all) {
      if (const Store* s = item.store()) {
        shared_.clear();
        share(s->value, depth);
        share(s->factor, depth);
      }
      out_.append(static_cast<std::size_t>(depth) * 2, ' ');
      if (const Loop* loop = item.loop()) {
        const Axis& axis = kernel_.axes.at(static_cast<std::size_t>(loop->axis));
        out_ += fmt::format("for {} {}", short_names_[loop->axis], axis.extent);
        if (axis.tag != Tag::serial) out_ += fmt::format(" {}", name(axis.tag));
        condition(item);
        items(loop->body, depth + 1);
      } else {
        if (const Store* s = item.store())
          out_ += store(*s);
        else
          out_ += "prefetch " + prefetch(std::get<Prefetch>(item.what));
        condition(item);
      }
    }
  }

  std::string prefetch(const Prefetch& p) const { return element(p.tensor, p.at, -1, nullptr); }

  void condition(const Item& item) {
    if (!item.when.empty()) out_ += " when " + ranges(item.when);
    out_ += '\n';
  }

  std::string declare(const KernelTensor& t) const {
    return fmt::format("{} {}[{}]", t.name, info(t.type).name, fmt::join(t.extents, ","));
  }

  void header() {
    std::vector<std::string> inputs, outputs;
    for (const KernelTensor& t : kernel_.tensors)
      if (t.where == Where::argument) (t.is_output ? outputs : inputs).push_back(declare(t));
    out_ += fmt::format("kernel {}({}) -> {}\n", kernel_.name, fmt::join(inputs, ", "),
                        fmt::join(outputs, ", "));
    for (const KernelTensor& t : kernel_.tensors) {
      if (t.where == Where::argument) continue;
      out_ += "local " + declare(t);
      if (t.fixed || t.where != Where::heap) out_ += fmt::format(" in {}", name(t.where));
      if (t.depth > 1) out_ += fmt::format(" depth {}", t.depth);
      out_ += '\n';
    }
    constexpr std::string_view tails[] = {"", " peel", " pad"};
    for (const Limit& limit : kernel_.limits)
      out_ += fmt::format("limit {} < {}{}\n", index(limit.index), limit.bound,
                          tails[static_cast<int>(limit.tail)]);
  }

  const Kernel& kernel_;
  const VarBounds bounds_;
  std::vector<std::string> short_names_;
  std::unordered_map<const Value*, int> shared_;  // their numbers, in the current statement
  std::string out_;
};

}  // namespace

std::string print(const Kernel& kernel) { return Printer(kernel)(); }

}  // namespace tenon
