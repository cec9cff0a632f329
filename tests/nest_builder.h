// NestBuilder: writes finished nests by hand, for tests of code generation.
//
//   NestBuilder nest("scale");
//   const int x = nest.input("x", {n}), y = nest.output("y", {n});
//   const Var i = nest.axis("i", n, Tag::vector);
//   nest.loop(i, [&] { nest.store(y, {Index::var(i)}, nest.load(x, {Index::var(i)})); });
//   FinishedKernel kernel = nest.finished();
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lower/finish.h"

namespace tenon {

class NestBuilder {
 public:
  explicit NestBuilder(std::string name) { finished_.kernel.name = std::move(name); }

  Var axis(const std::string& name, std::int64_t extent, Tag tag = Tag::serial) {
    finished_.kernel.axes.push_back({name, extent, tag});
    return static_cast<Var>(finished_.kernel.axes.size()) - 1;
  }
  int input(const std::string& name, std::vector<std::int64_t> extents, Type type = Type::f32) {
    return tensor({.name = name, .type = type, .extents = std::move(extents)}, {});
  }
  int output(const std::string& name, std::vector<std::int64_t> extents, Type type = Type::f32) {
    return tensor({.name = name, .type = type, .extents = std::move(extents), .is_output = true},
                  {});
  }
  int registers(const std::string& name, std::vector<std::int64_t> extents, Type type = Type::f32) {
    return tensor({.name = name, .type = type, .extents = std::move(extents), .where = Where::reg},
                  {});
  }
  int heap(const std::string& name, std::vector<std::int64_t> extents, bool per_thread = false) {
    std::size_t bytes = 4;
    for (const std::int64_t extent : extents) bytes *= extent;
    std::size_t& scratch = per_thread ? finished_.thread_scratch : finished_.launch_scratch;
    const Placement place{static_cast<std::ptrdiff_t>(scratch), per_thread};
    scratch += (bytes + 63) / 64 * 64;
    return tensor(
        {.name = name, .type = Type::f32, .extents = std::move(extents), .where = Where::heap},
        place);
  }
  void limit(const Index& index, std::int64_t bound, Tail tail = Tail::mask) {
    finished_.kernel.limits.push_back({index, bound, tail});
  }

  void loop(Var axis, const std::function<void()>& body, std::vector<Range> when = {}) {
    std::vector<Item> outer = std::exchange(items_, {});
    body();
    outer.push_back({Loop{axis, std::exchange(items_, {})}, std::move(when)});
    items_ = std::move(outer);
  }
  Store& store(int tensor, std::vector<Index> at, ValueRef value, std::vector<Range> when = {}) {
    Store store{{tensor, std::move(at)}, std::move(value)};
    store.initial = false;
    items_.push_back({std::move(store), std::move(when)});
    return std::get<Store>(items_.back().what);
  }
  Store& accumulate(int tensor, std::vector<Index> at, ValueRef value, ValueRef factor = nullptr,
                    Combine combine = Combine::sum) {
    Store& added = store(tensor, std::move(at), std::move(value));
    added.factor = std::move(factor);
    added.combine = combine;
    return added;
  }
  void prefetch(int tensor, std::vector<Index> at) {
    items_.push_back({Prefetch{{tensor, std::move(at)}}, {}});
  }

  ValueRef load(int tensor, std::vector<Index> at, std::vector<Range> inside = {},
                double fill = 0) const {
    return value(Load{{tensor, std::move(at)}, std::move(inside), fill},
                 finished_.kernel.tensors[tensor].type);
  }
  ValueRef gather(int tensor, std::vector<Index> at, int axis, ValueRef computed) const {
    return value(Load{{tensor, std::move(at), axis, std::move(computed)}},
                 finished_.kernel.tensors[tensor].type);
  }
  static ValueRef constant(double number, Type type = Type::f32) {
    return value(Constant{number}, type);
  }
  static ValueRef apply(ScalarOp op, Type type, std::vector<ValueRef> operands) {
    return value(Apply{op, std::move(operands)}, type);
  }
  static ValueRef add(ValueRef a, ValueRef b) { return apply(ScalarOp::add, a->type, {a, b}); }
  template <typename Detail>
  static ValueRef value(Detail detail, Type type) {
    return std::make_shared<const Value>(Value{std::move(detail), type});
  }

  FinishedKernel finished() const {
    FinishedKernel result = finished_;
    result.kernel.body = items_;
    return result;
  }

 private:
  int tensor(KernelTensor tensor, Placement place) {
    finished_.kernel.tensors.push_back(std::move(tensor));
    finished_.placement.push_back(place);
    return static_cast<int>(finished_.kernel.tensors.size()) - 1;
  }
  FinishedKernel finished_;
  std::vector<Item> items_;
};

}  // namespace tenon
