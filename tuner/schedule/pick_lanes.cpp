// The pick for sums whose canonical order has strands (lower/canonical.h): these partial sums lie
// side by side, and become the lanes of vectors.
#include <set>

#include "tuner/schedule/picker.h"

namespace tenon {
namespace {

constexpr std::int64_t narrow = 4;  // columns; a table of more is not narrow

// For a narrow table that is summed by column. Strands and columns are fused into one axis, so that
// the vectors run along whole rows. Two steps are unrolled, because the loop over the steps of a
// block is short.
void join_columns(Picker& picker) {
  std::vector<Move> moves;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path& path) {
    const auto* load = store.value ? std::get_if<Load>(&store.value->detail) : nullptr;
    if (!load || store.over.empty() || picker.axis(path.back()).tag != Tag::vector) return;
    for (Var v : path) {
      if (!uses(store.at, v) || !picker.is_contiguous(*load, v) || v == path.back() ||
          picker.extent(v) > narrow)
        continue;
      std::vector<Var> outer(path.begin(), path.end() - 1);
      std::erase(outer, v);
      const std::string &lane = picker.name(path.back()), &column = picker.name(v);
      const std::string row = stem(lane) + stem(column);
      moves = {{order_of({picker.names(outer), {lane, column}})},
               {order_of({{lane, column}})},
               {Fuse{lane, column, row}},
               {Bind{row, Tag::vector}},
               {Bind{column, Tag::unroll}},
               {cut(picker.name(outer.back()), '0', 2)},
               {Bind{stem(picker.name(outer.back())) + "0", Tag::unroll}}};
    }
  });
  picker.attempt(moves);
}

// The last subscript, if it is a plain axis.
std::optional<Var> last_axis(const std::vector<Index>& at) {
  return at.empty() ? std::nullopt : at.back().as_var();
}

// Makes the strands vectors: all of them at once, or fewer at once if a term needs much code.
void bind_strands(Picker& picker, Var v) {
  const std::string name = picker.name(v);
  const std::int64_t all = std::max<std::int64_t>(picker.extent(v) / picker.lanes(), 1);
  std::int64_t together = all;
  visit_stores(picker.kernel().body, [&](const Store& store, const Path&) {
    if (last_axis(store.at) == v) together = std::min(together, vectors_together(store, all));
  });
  if (together < all && picker.attempt({{cut(name, 'v', together * picker.lanes())},
                                        {Bind{name + "v", Tag::vector}}}))
    return;
  picker.bind(name, Tag::vector);
}

}  // namespace

void pick_lanes(Picker& picker) {
  const std::vector<Item>& body = picker.kernel().body;
  const Uses uses(body);
  std::set<Var> lanes;
  // Adds the last axis of every store to the tensor, if the axis has this extent.
  const auto add_lanes_of = [&](int tensor, std::int64_t extent) {
    for (const Use& use : uses.of(tensor))
      if (const auto axis = last_axis(use.access.at);
          use.writes && axis && picker.extent(*axis) == extent)
        lanes.insert(*axis);
  };
  visit_stores(body, [&](const Store& store, const Path&) {
    visit_values(store, [&](const Value& value) {
      if (const auto* fold = std::get_if<Fold>(&value.detail))
        add_lanes_of(fold->tensor, fold->strands);
    });
  });
  // The sums that are folded may be added up from other partial sums, those of blocks or groups.
  // The axis of their strands is the same axis, or another of the same extent.
  for (std::size_t before = 0; before != lanes.size();) {
    before = lanes.size();
    visit_stores(body, [&](const Store& store, const Path&) {
      const auto axis = last_axis(store.at);
      if (!axis || !lanes.contains(*axis)) return;
      visit_reads(store, [&](const Access& read) {
        if (last_axis(read.at) == axis) add_lanes_of(read.tensor, picker.extent(*axis));
      });
    });
  }
  for (Var v : lanes) bind_strands(picker, v);
  join_columns(picker);
}

}  // namespace tenon
