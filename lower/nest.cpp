#include "lower/nest.h"

#include <numeric>

#include "core/ranges.h"

namespace tenon {

std::string_view name(Tag tag) {
  constexpr std::string_view names[] = {"serial", "parallel", "grid",   "warp",
                                        "lane",   "vector",   "unroll", "mma"};
  return names[static_cast<int>(tag)];
}

std::string_view name(Where where) {
  constexpr std::string_view names[] = {"argument", "register", "heap"};
  return names[static_cast<int>(where)];
}

std::string stem(const std::string& axis) { return axis.substr(axis.rfind('.') + 1); }

VarBounds Kernel::bounds() const {
  return [this](Var v) { return Bounds{0, axes[v].extent - 1}; };
}

std::optional<Var> Kernel::find_axis(std::string_view wanted) const {
  std::optional<Var> found;
  bool several = false;
  for (Var v = 0; v < static_cast<Var>(axes.size()); ++v) {
    std::string_view whole = axes[v].name;
    if (whole.empty()) continue;
    if (whole == wanted) return v;
    if (whole.substr(whole.find('.') + 1) != wanted) continue;
    if (wanted.find('.') != std::string_view::npos) continue;  // a stage's loop: by its whole name
    several = found.has_value();
    found = v;
  }
  return several ? std::nullopt : found;
}

std::int64_t KernelTensor::elements() const {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

std::optional<int> Kernel::find_tensor(std::string_view wanted) const {
  for (int t = 0; t < std::ssize(tensors); ++t)
    if (tensors[t].name == wanted) return t;
  return {};
}

std::string Kernel::unused_name(const std::string& wanted) const {
  return unused(wanted, [&](const std::string& name) { return find_tensor(name).has_value(); });
}

Var Kernel::add_axis(const std::string& name, std::int64_t extent, Tag tag) {
  const auto is_taken = [&](const std::string& other) {
    return !other.empty() && std::ranges::count(axes, other, &Axis::name) > 0;
  };
  axes.push_back({unused(name, is_taken), extent, tag});
  return static_cast<Var>(axes.size()) - 1;
}

}  // namespace tenon
