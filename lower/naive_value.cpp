#include "lower/naive_value.h"

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

// A value that is `value` inside the ranges `own`, and `fill` elsewhere. The ranges `inside` hold
// in any case. If the value is a load that tests these ranges itself, the load gets the fill.
ValueRef with_fill(const ValueRef& value, const std::vector<Range>& own,
                   const std::vector<Range>& inside, double fill) {
  const auto* load = std::get_if<Load>(&value->detail);
  if (load &&
      std::ranges::all_of(own, [&](auto& range) { return contains(load->inside, range); })) {
    if (same_bits(load->fill, fill)) return value;
    if (std::ranges::all_of(load->inside, [&](const Range& range) {
          return contains(own, range) || contains(inside, range);
        })) {
      Load filled = *load;
      filled.fill = fill;
      return make_value(std::move(filled), value->type);
    }
  }
  const ValueRef test = make_value(Inside{own}, Type::boolean);
  return make_value(Apply{ScalarOp::where, {test, value, make_value(Constant{fill}, value->type)}},
                    value->type);
}

}  // namespace

ComputedAxis computed_axis(const std::vector<Index>& at, int axis, const Node& index) {
  const auto first = at.begin() + axis;
  const auto last = first + std::ssize(index.shape);
  ComputedAxis result{{first, last}, {at.begin(), first}};
  result.data_at.emplace_back(0);
  result.data_at.insert(result.data_at.end(), last, at.end());
  return result;
}

ValueRef NodeValues::value(const Node& node, const std::vector<Index>& at,
                           const std::vector<Range>& inside) {
  const auto [known, is_new] = known_.try_emplace({&node, at, inside});
  if (is_new) known->second = compute(node, at, inside);
  return known->second;
}

ValueRef NodeValues::compute(const Node& node, const std::vector<Index>& at, const Ranges& inside) {
  if (const auto source = tensors_.find(&node); source != tensors_.end()) {
    const auto& [tensor, part] = source->second;
    return make_value(Load{{tensor, part ? part->within(at, kernel_.bounds()) : at}, inside},
                      node.type);
  }
  if (const auto* constant = node.as<ConstantLeaf>())
    return make_value(Constant{constant->value}, node.type);
  if (node.as<IotaLeaf>()) return make_value(IndexValue{at[0]}, node.type);
  if (node.as<View>()) return compute_view(node, at, inside);
  if (const auto* gather = node.as<Gather>()) {
    const auto source = tensors_.find(node.inputs[0].get());
    check(source != tensors_.end(), "a Gather reads data that is not in the kernel's memory");
    const auto [index_at, data_at] = computed_axis(at, gather->axis, *node.inputs[1]);
    const ValueRef computed = value(*node.inputs[1], index_at, inside);
    return make_value(Load{{source->second.tensor, data_at, gather->axis, computed}, inside},
                      node.type);
  }
  const auto* map = node.as<Map>();
  check(map != nullptr, "a kernel reads a Reduce, a Scatter or a buffer that is not in its memory");
  const auto operand = [&](const NodeRef& input) { return value(*input, at, inside); };
  return make_value(Apply{map->op, mapped(node.inputs, operand)}, node.type);
}

ValueRef NodeValues::compute_view(const Node& node, const std::vector<Index>& at,
                                  const Ranges& inside) {
  const auto& view = *node.as<View>();
  const VarBounds bounds = kernel_.bounds();
  const auto through = [&](const Index& index) { return substitute(index, at, bounds); };
  Ranges own, all = inside;
  for (const Range& range : view.inside) {
    const Range moved{through(range.index), range.low, range.high};
    if (never(moved, bounds)) return make_value(Constant{view.fill}, node.type);
    if (always(moved, bounds) || contains(all, moved)) continue;
    own.push_back(moved);
    all.push_back(moved);
  }
  const ValueRef inner = value(*node.inputs[0], mapped(view.map, through), all);
  return own.empty() ? inner : with_fill(inner, own, inside, view.fill);
}

}  // namespace tenon
