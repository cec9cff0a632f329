// The pick for element-wise work over whole contiguous tensors: its axes are fused into one, so
// that there is one tail instead of one per row.
#include "tuner/schedule/picker.h"

namespace tenon {
namespace {

// Fuses the two innermost loops, if every access advances along both as along one.
bool flatten(Picker& picker, const Statement& statement) {
  const auto& [store, path] = statement;
  if (store.combine || path.size() < 2) return false;
  const Var inner = path.back(), outer = path[path.size() - 2];
  const auto joins = [&](const auto& access) {
    const auto step = picker.stride(access.tensor, access.at, inner);
    const auto jump = picker.stride(access.tensor, access.at, outer);
    return step && jump && *jump == *step * picker.extent(inner);
  };
  bool all_join = joins(store);
  visit_values(store, [&](const Value& v) {
    const Access* read = access_in(v.detail);
    const auto* ranges = ranges_in(v.detail);
    if (read)
      all_join = all_join && (!ranges || ranges->empty()) && !read->computed && joins(*read);
  });
  const std::string &from = picker.name(outer), &to = picker.name(inner);
  return all_join && picker.attempt({Fuse{from, to, stem(from) + stem(to)}});
}

}  // namespace

void pick_flat(Picker& picker) {
  // A move for one statement can change the loops of the others: look again after each.
  while (std::ranges::any_of(picker.plain_statements(), [&](const Statement& statement) {
    return flatten(picker, statement);
  })) {
  }
}

}  // namespace tenon
