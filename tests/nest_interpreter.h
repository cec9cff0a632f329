// Runs a finished nest element by element, by the semantics that lower/nest.h states: the oracle of
// the tests of code generation.
#pragma once

#include <cmath>
#include <vector>

#include "lower/finish.h"

namespace tenon {

class NestInterpreter {
 public:
  // One vector per tensor, in the kernel's order; those of locals may be empty.
  NestInterpreter(const Kernel& kernel, std::vector<std::vector<double>>& memory)
      : kernel_(kernel), memory_(memory), axes_(kernel.axes.size(), -1) {
    for (std::size_t t = 0; t < kernel.tensors.size(); t++) {
      std::int64_t count = 1;
      for (const std::int64_t extent : kernel.tensors[t].extents) count *= extent;
      memory_[t].resize(count, NAN);
    }
  }
  void run() { run(kernel_.body); }

 private:
  std::int64_t at(const Index& index) const {
    return evaluate(index, [&](Var v) { return axes_[v]; });
  }
  bool holds(const std::vector<Range>& ranges) const {
    for (const Range& range : ranges) {
      if (at(range.index) < range.low || at(range.index) >= range.high) return false;
    }
    return true;
  }
  bool within_limits() const {
    for (const Limit& limit : kernel_.limits) {
      const auto known = least(limit.index, [&](Var v) { return axes_[v] >= 0; });
      if (known && at(*known) >= limit.bound) return false;
    }
    return true;
  }
  void run(const std::vector<Item>& items) {
    for (const Item& item : items) {
      if (!holds(item.when)) continue;
      if (const Loop* loop = item.loop()) {
        for (std::int64_t i = 0; i < kernel_.axes[loop->axis].extent; i++) {
          axes_[loop->axis] = i;
          if (within_limits()) run(loop->body);
        }
        axes_[loop->axis] = -1;
      } else if (const Store* store = item.store()) {
        run(*store);
      }
    }
  }
  // Null where a computed position lies outside.
  double* place(const Access& access) {
    const std::vector<std::int64_t>& extents = kernel_.tensors[access.tensor].extents;
    std::int64_t flat = 0;
    for (int d = 0; d < static_cast<int>(extents.size()); d++) {
      const bool is_computed = access.computed && d == access.computed_axis;
      const auto position =
          is_computed ? static_cast<std::int64_t>(value(*access.computed)) : at(access.at[d]);
      if (is_computed && (position < 0 || position >= extents[d])) return nullptr;
      flat = flat * extents[d] + position;
    }
    return &memory_[access.tensor].at(flat);
  }
  void run(const Store& store) {
    double* target = place(store);
    if (!target) return;
    const Type type = kernel_.tensors[store.tensor].type;
    const double x = value(*store.value);
    if (!store.combine) {
      *target = x;
    } else if (store.factor) {
      *target = std::fma(static_cast<float>(x), static_cast<float>(value(*store.factor)),
                         static_cast<float>(*target));
    } else {
      *target = combine(*store.combine, type, *target, x);
    }
  }
  static double combine(Combine how, Type type, double a, double b) {
    return evaluate(how == Combine::sum ? ScalarOp::add : ScalarOp::max, type, type, a, b, 0);
  }
  double value(const Value& v) {
    if (const auto* load = std::get_if<Load>(&v.detail)) {
      if (!holds(load->inside)) return load->fill;
      const double* from = place(*load);
      return from ? *from : 0;
    }
    if (const auto* constant = std::get_if<Constant>(&v.detail)) return constant->value;
    if (const auto* index = std::get_if<IndexValue>(&v.detail))
      return static_cast<double>(at(index->index));
    if (const auto* inside = std::get_if<Inside>(&v.detail)) return holds(inside->ranges) ? 1 : 0;
    if (const auto* apply = std::get_if<Apply>(&v.detail)) {
      double x[3] = {};
      for (std::size_t i = 0; i < apply->operands.size(); i++) x[i] = value(*apply->operands[i]);
      return evaluate(apply->op, v.type, apply->operands.back()->type, x[0], x[1], x[2]);
    }
    const auto& fold = std::get<Fold>(v.detail);
    Access one = fold;
    std::vector<double> lanes;
    for (int lane = 0; lane < fold.strands; lane++) {
      one.at[fold.computed_axis] = lane;
      lanes.push_back(*place(one));
    }
    for (int half = fold.strands / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; l++)
        lanes[l] = combine(fold.combine, v.type, lanes[l], lanes[l + half]);
    }
    return lanes[0];
  }

  const Kernel& kernel_;
  std::vector<std::vector<double>>& memory_;
  std::vector<std::int64_t> axes_;
};

}  // namespace tenon
