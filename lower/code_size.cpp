// emitted_operations: how much code a finished nest becomes.
#include <cmath>
#include <cstdlib>

#include "lower/finish.h"
#include "lower/tree.h"

namespace tenon {
namespace {

constexpr double lanes_at_once = 16;

// Are the lanes of the access side by side in memory, or all in one place?
bool is_at_once(const Kernel& kernel, const Access& access, const std::vector<Var>& lanes) {
  const Index place = flat(kernel.tensors[access.tensor], access.at);
  const auto moves = [&](Var v) { return place.uses(v); };
  const auto is_run = [&](Var v) { return std::abs(place.coefficient(v)) == 1; };
  return access.computed_axis < 0 &&
         (std::ranges::none_of(lanes, moves) || std::ranges::any_of(lanes, is_run));
}

double operations_of(const Kernel& kernel, const Item& item, const Path& path) {
  const std::vector<Var>& lanes = *lanes_in(item);
  double copies = 1, count = 1;
  for (Var v : lanes) count *= static_cast<double>(kernel.extent(v));
  for (Var v : path)
    if (kernel.axes[v].tag == Tag::unroll) copies *= static_cast<double>(kernel.extent(v));
  const double pieces = std::ceil(count / lanes_at_once);
  double operations = 0;
  const auto add = [&](const Access* access) {
    if (access) operations += is_at_once(kernel, *access, lanes) ? pieces : count;
  };
  add(access_in(item.what));
  if (const Store* store = item.store()) {
    visit_values(*store, [&](const Value& v) {
      add(access_in(v.detail));
      if (std::holds_alternative<Apply>(v.detail)) operations += pieces;
    });
    if (store->combine) {  // it reads what it adds to
      add(store);
      operations += pieces;
    }
  }
  return copies * operations;
}

}  // namespace

double emitted_operations(const Kernel& kernel) {
  double count = 0;
  visit(kernel.body, [&](const Item& item, const Way& way) {
    if (!item.loop()) count += operations_of(kernel, item, way.path);
  });
  return count;
}

}  // namespace tenon
