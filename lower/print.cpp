// The text form of a nest.
#include <fmt/ranges.h>

#include <unordered_map>

#include "core/ranges.h"
#include "lower/nest.h"

namespace tenon {
namespace {

class Printer {
 public:
  explicit Printer(const Kernel& kernel) : kernel_(kernel), bounds_(kernel.bounds()) {
    for (Var v = 0; v < std::ssize(kernel.axes); ++v) names_.push_back(shortest(v));
  }

  std::string operator()() {
    header();
    items(kernel_.body, 1);
    return out_;
  }

 private:
  // `sum.k` prints as `k` where no other axis ends like that.
  std::string shortest(Var v) const {
    const std::string& whole = kernel_.axes[v].name;
    return kernel_.find_axis(stem(whole)) == v ? stem(whole) : whole;
  }

  std::string index(const Index& i) const {
    return text(i, [this](Var v) { return names_.at(v); });
  }

  std::string range(const Range& r) const {
    const Bounds values = bounds(r.index, bounds_);
    const std::string i = index(r.index);
    if (r.high == r.low + 1) return fmt::format("{} == {}", i, r.low);
    if (values.low >= r.low) return fmt::format("{} < {}", i, r.high);
    if (values.high < r.high) return fmt::format("{} >= {}", i, r.low);
    return fmt::format("{} <= {} < {}", r.low, i, r.high);
  }

  std::string ranges(const std::vector<Range>& all) const {
    return joined(all, " and ", [this](const Range& r) { return range(r); });
  }

  // `computed` is what the subscript of the computed axis is written as.
  std::string element(const Access& access, const std::string& computed) const {
    std::vector<std::string> parts = mapped(access.at, [this](const Index& i) { return index(i); });
    if (access.computed_axis >= 0) parts.at(access.computed_axis) = computed;
    const std::string& name = kernel_.tensors.at(access.tensor).name;
    return parts.empty() ? name : fmt::format("{}[{}]", name, fmt::join(parts, ","));
  }

  std::string value(const ValueRef& v) const {
    if (!v) return "";
    const auto shared = shared_.find(v.get());
    return shared == shared_.end() ? formula(*v) : fmt::format("%{}", shared->second);
  }

  // A value that is used more than once in the statement has a line of its own: `%1 = ..`.
  void share(const ValueRef& v, int depth) {
    std::unordered_map<const Value*, int> uses;
    std::vector<const Value*> order;
    const auto count = [&](const auto& self, const ValueRef& at) -> void {
      const auto* apply = at ? std::get_if<Apply>(&at->detail) : nullptr;
      if (!apply || ++uses[at.get()] > 1) return;
      for (const ValueRef& operand : apply->operands) self(self, operand);
      order.push_back(at.get());
    };
    count(count, v);
    for (const Value* at : order) {
      if (uses[at] < 2 || shared_.contains(at)) continue;
      const std::string text = formula(*at);
      shared_[at] = static_cast<int>(shared_.size()) + 1;
      out_ += fmt::format("{:{}}%{} = {}\n", "", 2 * depth, shared_.size(), text);
    }
  }

  std::string formula(const Value& v) const {
    return std::visit([&](const auto& detail) { return formula(detail, v.type); }, v.detail);
  }
  std::string formula(const Load& load, Type) const {
    const std::string read = element(load, value(load.computed));
    if (load.inside.empty()) return read;
    return fmt::format("({} if {} else {})", read, ranges(load.inside), load.fill);
  }
  std::string formula(const Constant& c, Type) const { return fmt::format("{}", c.value); }
  std::string formula(const IndexValue& i, Type) const { return "index(" + index(i.index) + ")"; }
  std::string formula(const Inside& inside, Type) const {
    return "(" + ranges(inside.ranges) + ")";
  }
  std::string formula(const Fold& fold, Type) const {
    return "fold(" + element(fold, fmt::format(":{}", fold.strands)) + ")";
  }
  std::string formula(const Apply& apply, Type type) const {
    const auto operands = [&](std::string_view between) {
      return joined(apply.operands, between, [this](const ValueRef& v) { return value(v); });
    };
    if (apply.op == ScalarOp::add) return "(" + operands(" + ") + ")";
    if (apply.op == ScalarOp::mul) return operands(" * ");
    const bool casts = apply.op == ScalarOp::cast;
    return fmt::format("{}({})", casts ? info(type).name : info(apply.op).name, operands(", "));
  }

  std::string lanes(const std::vector<Var>& all) const {
    const auto lane = [this](Var v) {
      return fmt::format("{} {}", names_.at(v), kernel_.extent(v));
    };
    return all.empty() ? "" : " lanes " + joined(all, ", ", lane);
  }
  std::string choice(std::string_view name, const std::vector<Index>& of) const {
    const std::string all = joined(of, ", ", [this](const Index& i) { return index(i); });
    return of.size() == 1 ? all : fmt::format("{}({})", name, all);
  }

  std::string statement(const Prefetch& p) const {
    return "prefetch " + element(p, "") + lanes(p.lanes);
  }
  std::string statement(const Store& s) const {
    const std::string_view equals = !s.combine ? "=" : *s.combine == Combine::sum ? "+=" : "max=";
    const std::string target = element(s, value(s.computed));
    std::string text = fmt::format("{} {} {}", target, equals, value(s.value));
    if (s.factor) text += " * " + value(s.factor);
    if (s.combine && s.initial && !s.over.empty())
      text += " over " + joined(s.over, ", ", [this](Var v) { return names_.at(v); });
    if (s.stream) text += " stream";
    return text + lanes(s.lanes);
  }
  std::string statement(const Loop& loop) const {
    const Axis& over = kernel_.axes.at(loop.axis);
    std::string text = fmt::format("for {} {}", names_.at(loop.axis), over.extent);
    if (!loop.begins.empty()) text += " from " + choice("max", loop.begins);
    if (!loop.ends.empty()) text += " to " + choice("min", loop.ends);
    return over.tag == Tag::serial ? text : fmt::format("{} {}", text, name(over.tag));
  }

  void items(const std::vector<Item>& all, int depth) {
    for (const Item& item : all) {
      if (const Store* s = item.store()) {
        shared_.clear();
        share(s->value, depth);
        share(s->factor, depth);
      }
      out_.append(2 * depth, ' ');
      out_ += std::visit([this](const auto& what) { return statement(what); }, item.what);
      if (!item.when.empty()) out_ += " when " + ranges(item.when);
      out_ += '\n';
      if (const Loop* loop = item.loop()) items(loop->body, depth + 1);
    }
  }

  static std::string declare(const KernelTensor& t) {
    return fmt::format("{} {}[{}]", t.name, info(t.type).name, fmt::join(t.extents, ","));
  }

  void header() {
    std::vector<std::string> inputs, outputs;
    std::string locals;
    for (const KernelTensor& t : kernel_.tensors) {
      if (t.where == Where::argument) {
        (t.is_output ? outputs : inputs).push_back(declare(t));
        continue;
      }
      locals += "local " + declare(t);
      if (t.where != Where::heap) locals += fmt::format(" in {}", name(t.where));
      locals += '\n';
    }
    out_ += fmt::format("kernel {}({}) -> {}\n{}", kernel_.name, fmt::join(inputs, ", "),
                        fmt::join(outputs, ", "), locals);
    for (const Limit& limit : kernel_.limits)
      out_ += fmt::format("limit {} < {}{}\n", index(limit.index), limit.bound,
                          limit.tail == Tail::peel ? " peel" : "");
  }

  const Kernel& kernel_;
  const VarBounds bounds_;
  std::vector<std::string> names_;                // of the axes
  std::unordered_map<const Value*, int> shared_;  // their numbers, in the current statement
  std::string out_;
};

}  // namespace

std::string print(const Kernel& kernel) { return Printer(kernel)(); }

}  // namespace tenon
