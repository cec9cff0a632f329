#include "lower/naive_value.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/ranges.h"

namespace tenon {
namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// `value` where all of `own` hold, else `fill`; `inside` holds anyway. A load that tests the ranges
// already takes the fill upon itself.
ValueRef with_fill(const ValueRef& value, const std::vector<Range>& own,
                   const std::vector<Range>& inside, double fill) {
  if (const auto* load = std::get_if<Load>(&value->detail)) {
    const auto tested = [&](const Range& range) { return contains(load->inside, range); };
    const auto expected = [&](const Range& range) {
      return contains(own, range) || contains(inside, range);
    };
    if (std::ranges::all_of(own, tested)) {
      if (same_bits(load->fill, fill)) return value;
      if (std::ranges::all_of(load->inside, expected)) {
        Load filled = *load;
        filled.fill = fill;
        return make_value(std::move(filled), value->type);
      }
    }
  }
  const ValueRef test = make_value(Inside{own}, Type::boolean);
  return make_value(Apply{ScalarOp::where, {test, value, make_value(Constant{fill}, value->type)}},
                    value->type);
}

}  // namespace

ValueRef NodeValues::value(const Node& node, const std::vector<Index>& at,
                           const std::vector<Range>& inside) {
  for (const Known& known : known_[&node])
    if (known.at == at && known.inside == inside) return known.value;
  ValueRef computed = compute(node, at, inside);
  known_[&node].push_back({at, inside, computed});
  return computed;
}

ValueRef NodeValues::compute(const Node& node, const std::vector<Index>& at,
                             const std::vector<Range>& inside) {
  if (const auto tensor = tensors_.find(&node); tensor != tensors_.end())
    return make_value(Load{tensor->second, at, inside, 0, -1, nullptr}, node.type);
  if (const auto* constant = node.as<ConstantLeaf>())
    return make_value(Constant{constant->value}, node.type);
  if (node.as<IotaLeaf>()) return make_value(IndexValue{at[0]}, node.type);
  if (node.as<View>()) return compute_view(node, at, inside);
  if (node.as<Gather>()) return compute_gather(node, at, inside);
  const auto* map = node.as<Map>();
  check(map != nullptr, "a kernel reads a Reduce, a Scatter or a buffer that is not in its memory");
  Apply apply{map->op, {}};
  for (const NodeRef& input : node.inputs) apply.operands.push_back(value(*input, at, inside));
  return make_value(std::move(apply), node.type);
}

ValueRef NodeValues::compute_view(const Node& node, const std::vector<Index>& at,
                                  const std::vector<Range>& inside) {
  const auto& view = *node.as<View>();
  const VarBounds bounds = kernel_.bounds();
  const auto through = [&](const Index& index) {
    return substitute(index, [&](Var axis) { return at[axis]; }, bounds);
  };
  std::vector<Index> below;
  for (const Index& index : view.map) below.push_back(through(index));
  std::vector<Range> own, all = inside;
  for (const Range& range : view.inside) {
    const Range moved{through(range.index), range.low, range.high};
    if (never(moved, bounds)) return make_value(Constant{view.fill}, node.type);
    if (always(moved, bounds) || contains(all, moved)) continue;
    own.push_back(moved);
    all.push_back(moved);
  }
  const ValueRef inner = value(*node.inputs[0], below, all);
  return own.empty() ? inner : with_fill(inner, own, inside, view.fill);
}

ValueRef NodeValues::compute_gather(const Node& node, const std::vector<Index>& at,
                                    const std::vector<Range>& inside) {
  const Node& data = *node.inputs[0];
  const Node& index = *node.inputs[1];
  const auto tensor = tensors_.find(&data);
  check(tensor != tensors_.end(), "a Gather reads data that is not in the kernel's memory");
  const int axis = node.as<Gather>()->axis;
  const auto first = at.begin() + axis;
  const auto last = first + static_cast<std::ptrdiff_t>(index.shape.size());
  std::vector<Index> data_at(at.begin(), first);
  data_at.emplace_back(0);
  data_at.insert(data_at.end(), last, at.end());
  ValueRef computed = value(index, {first, last}, inside);
  return make_value(Load{tensor->second, std::move(data_at), inside, 0, axis, computed}, node.type);
}

}  // namespace tenon
