// The pick for sums whose canonical order has lanes: partial sums side by side become vectors.
#include <algorithm>
#include <set>

#include "tuner/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t narrow = 4;  // columns of a table whose lines are loaded for all of them

// A narrow table that is summed by column: partial sums of all columns together.
void join_columns(Picker& picker) {
  std::vector<Move> moves;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    const auto* load = store.value ? std::get_if<Load>(&store.value->detail) : nullptr;
    if (!load || store.over.empty() || picker.axis(path.back()).tag != Tag::vector) return;
    for (Var v : path) {
      if (!uses(store.at, v) || picker.stride(load->tensor, load->at, v) != 1 || v == path.back() ||
          picker.extent(v) > narrow)
        continue;
      Order order;
      for (Var other : path)
        if (other != v && other != path.back()) order.axes.push_back(picker.name(other));
      order.axes.push_back(picker.name(v));
      order.axes.push_back(picker.name(path.back()));
      moves = {{order}, {Bind{picker.name(v), Tag::unroll}}};
    }
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
  join_columns(picker);
}

}  // namespace tenon
