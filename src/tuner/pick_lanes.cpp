// The pick for sums whose canonical order has lanes: partial sums side by side become vectors, and
// rows of the result go together.
#include <algorithm>
#include <set>

#include "tuner/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t rows_together = 4;  // of 64 partial sums each

bool uses(const std::vector<Index>& at, Var v) {
  return std::any_of(at.begin(), at.end(), [v](const Index& index) { return index.uses(v); });
}

// Partial sums of several rows together: the operand that the rows share, or a line of memory in
// which they lie side by side, is loaded once for all of them.
struct Rows {
  const Picker& picker;
  const Store& store;
  const Path& path;  // the last axis is that of the lanes
  std::vector<Load> operands = {};

  // The innermost axis of the result along which this operand moves alone; a single operand must
  // be contiguous along it. -1: there is none.
  Var row_of(std::size_t operand) const {
    Var row = -1;
    for (Var v : path) {
      if (v == path.back() || !uses(store.at, v) || !uses(operands[operand].at, v)) continue;
      if (operands.size() == 1) {
        const auto stride = picker.stride(operands[0].tensor, operands[0].at, v);
        if (stride != 1 || picker.extent(v) > rows_together) continue;
      } else if (uses(operands[1 - operand].at, v)) {
        continue;
      }
      if (picker.extent(v) > 1) row = v;
    }
    return row;
  }

  std::vector<Move> moves() {
    for (const ValueRef& value : {store.value, store.factor})
      if (const auto* load = value ? std::get_if<Load>(&value->detail) : nullptr)
        operands.push_back(*load);
    if (operands.size() != (store.factor ? 2U : 1U)) return {};
    if (operands.size() == 2 && picker.bytes(operands[0].tensor) > picker.bytes(operands[1].tensor))
      std::swap(operands[0], operands[1]);
    // Rows of the smaller operand, so that the larger one is read once, row after row.
    Var row = row_of(0);
    if (row < 0 && operands.size() == 2) row = row_of(1);
    if (row < 0) return {};

    std::vector<Move> result;
    std::string inner = picker.name(row);
    Order order;
    for (Var v : path)
      if (uses(store.at, v) && v != path.back() && v != row) order.axes.push_back(picker.name(v));
    if (picker.extent(row) > rows_together) {
      const std::string stem = picker.stem(row);
      result.push_back({Split{inner, {{stem + "o", 0}, {stem + "0", rows_together}}, Tail::peel}});
      order.axes.push_back(inner + "o");
      inner += "0";
    }
    for (Var v : path)
      if (!uses(store.at, v)) order.axes.push_back(picker.name(v));
    order.axes.push_back(inner);
    order.axes.push_back(picker.name(path.back()));
    result.push_back({std::move(order)});
    result.push_back({Bind{inner, Tag::unroll}});
    return result;
  }
};

void unroll_rows(Picker& picker) {
  std::vector<Move> moves;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    if (moves.empty() && !store.over.empty() && !path.empty() &&
        picker.axis(path.back()).tag == Tag::vector)
      moves = Rows{picker, store, path}.moves();
  });
  picker.attempt(moves);
}

}  // namespace

void pick_lanes(Picker& picker) {
  std::set<Var> lanes;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path&) {
    visit_values(store.value, [&](const Value& value) {
      const auto* fold = std::get_if<Fold>(&value.detail);
      if (!fold) return;
      for (const Use& use : uses_of(picker.kernel().body, fold->tensor))
        if (use.writes && !use.at.empty())
          if (const auto axis = use.at.back().as_var()) lanes.insert(*axis);
    });
  });
  // Partial sums feed the folded ones: the same axis, or one of as many lanes in the same place.
  for (bool grew = true; grew;) {
    grew = false;
    visit_stores(picker.kernel().body, [&](const Store& store, const Path&) {
      if (store.at.empty()) return;
      const auto axis = store.at.back().as_var();
      if (!axis || lanes.count(*axis) == 0) return;
      visit_loads(store, [&](const Load& load) {
        for (const Use& use : uses_of(picker.kernel().body, load.tensor))
          if (use.writes && !use.at.empty())
            if (const auto from = use.at.back().as_var();
                from && picker.extent(*from) == picker.extent(*axis) && lanes.insert(*from).second)
              grew = true;
      });
    });
  }
  for (Var v : lanes) picker.attempt({Bind{picker.name(v), Tag::vector}});
  unroll_rows(picker);
}

}  // namespace tenon
