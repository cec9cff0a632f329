// The invariants of a nest, each with its number in the message:
//    1  loops name existing axes, none inside a loop over the same axis
//    2  indices use only axes of loops around them, or their statement's lanes
//    3  tensors exist; subscripts are as many as the tensor has axes
//    4  subscripts stay within the tensor (affine ones, of statements without ranges or limits)
//    5  what is accumulated over is around the statement
//    6  stored types are the tensor's; fma takes floats; computed subscripts are i32
//    7  inputs are not stored to
//    8  operands of a scalar operation are as many as it takes
//    9  names of axes and of tensors are unique
#include <fmt/format.h>

#include <set>

#include "lower/nest.h"
#include "lower/tree.h"

namespace tenon {
namespace {

class Verifier {
 public:
  explicit Verifier(const Kernel& kernel) : kernel_(kernel) {}

  Reason run() {
    names();
    visit(kernel_.body, [this](const Item& item, const Way& way) {
      path_ = way.path;
      if (const auto* lanes = lanes_in(item)) append(path_, *lanes);
      const auto is_empty = [&](Var v) { return kernel_.extent(v) == 0; };
      if (!reason_ && std::ranges::none_of(path_, is_empty))
        this->item(item, way.when.empty() && std::ranges::all_of(way.loops, runs_wholly));
    });
    return reason_;
  }

 private:
  static bool runs_wholly(const Loop* loop) { return loop->begins.empty() && loop->ends.empty(); }

  template <typename... Args>
  void broken(fmt::format_string<Args...> format, Args&&... args) {
    if (!reason_) reason_ = fmt::format(format, std::forward<Args>(args)...);
  }

  void names() {
    std::set<std::string> axes, tensors;
    for (const Axis& axis : kernel_.axes)
      if (!axis.name.empty() && !axes.insert(axis.name).second) broken("9: two axes {}", axis.name);
    for (const KernelTensor& tensor : kernel_.tensors)
      if (!tensors.insert(tensor.name).second) broken("9: two tensors {}", tensor.name);
  }

  // `certain`: it runs in every iteration of the loops around it.
  void item(const Item& item, bool certain) {
    for (const Range& range : item.when) index(range.index);
    if (const Access* access = access_in(item.what))
      for (const Index& i : access->at) index(i);
    if (const Store* store = item.store()) statement(*store, certain && !is_limited());
    const Loop* loop = item.loop();
    if (!loop) return;
    for (const auto* list : {&loop->begins, &loop->ends})
      for (const Index& i : *list) index(i);
    if (loop->axis < 0 || loop->axis >= std::ssize(kernel_.axes))
      broken("1: a loop over axis number {}", loop->axis);
    else if (is_around(loop->axis))
      broken("1: a loop over {} inside another", kernel_.axes[loop->axis].name);
  }

  bool is_around(Var v) const { return contains(path_, v); }
  bool is_limited() const {
    return std::ranges::any_of(kernel_.limits, [&](const Limit& limit) {
      return std::ranges::all_of(limit.index.vars(), [&](Var v) { return is_around(v); });
    });
  }

  void statement(const Store& store, bool certain) {
    element(store, certain);
    if (reason_) return;
    const KernelTensor& target = kernel_.tensors[store.tensor];
    if (target.where == Where::argument && !target.is_output)
      broken("7: {} is stored to", target.name);
    if (store.initial)
      for (Var v : store.over)
        if (!is_around(v))
          broken("5: {} is accumulated over {}, which is not around it", target.name,
                 kernel_.axes[v].name);
    if (!store.value) return broken("6: a store of nothing into {}", target.name);
    visit_values(store, [&](const Value& part) { value(part, certain); });
    if (store.value->type != target.type) broken("6: {} is stored another type", target.name);
    if (store.factor && (!info(store.factor->type).is_float || store.combine != Combine::sum))
      broken("6: fma into {} is not a sum of floats", target.name);
  }

  void value(const Value& v, bool certain) {
    for_each_index(v, [&](const Index& i) { index(i); });
    if (const auto* load = std::get_if<Load>(&v.detail)) {
      element(*load, certain && load->inside.empty());
    } else if (const auto* fold = std::get_if<Fold>(&v.detail)) {
      Access last{fold->tensor, fold->at};
      last.at[fold->computed_axis] = fold->strands - 1;
      element(last, certain);
    } else if (const auto* apply = std::get_if<Apply>(&v.detail)) {
      if (std::ssize(apply->operands) != info(apply->op).arity)
        broken("8: {} of {} operands", info(apply->op).name, apply->operands.size());
    }
  }

  void element(const Access& access, bool certain) {
    if (access.tensor < 0 || access.tensor >= std::ssize(kernel_.tensors))
      return broken("3: tensor number {}", access.tensor);
    const KernelTensor& target = kernel_.tensors[access.tensor];
    if (access.at.size() != target.extents.size())
      return broken("3: {} subscripts of {}", access.at.size(), target.name);
    if (access.computed && access.computed->type != Type::i32)
      broken("6: a computed subscript is {}", info(access.computed->type).name);
    for (int d = 0; d < std::ssize(access.at); ++d) {
      const Index& at = access.at[d];
      if (reason_ || !certain || !at.is_affine() || d == access.computed_axis) continue;
      const Bounds values = bounds(at, kernel_.bounds());
      if (values.low < 0 || values.high >= target.extents[d])
        broken("4: subscript {} of {} reaches [{}, {}] of {}", d, target.name, values.low,
               values.high, target.extents[d]);
    }
  }

  void index(const Index& i) {
    for (Var v : i.vars())
      if (!is_around(v))
        broken("2: an index uses {}, which is not around it",
               v < std::ssize(kernel_.axes) ? kernel_.axes[v].name : std::to_string(v));
  }

  const Kernel& kernel_;
  Path path_;
  Reason reason_;
};

}  // namespace

Reason verify(const Kernel& kernel) { return Verifier(kernel).run(); }

}  // namespace tenon
