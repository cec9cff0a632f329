#include "lower/nest.h"

#include <numeric>
#include <ranges>

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

std::optional<Var> Kernel::find_axis(std::string_view wanted) const {
  const bool may_be_part = wanted.find('.') == std::string_view::npos;  // not of a stage's loop
  std::vector<Var> found;
  for (Var v = 0; v < std::ssize(axes); ++v) {
    const std::string_view whole = axes[v].name;
    if (whole == wanted) return v;
    if (may_be_part && whole.substr(whole.find('.') + 1) == wanted) found.push_back(v);
  }
  if (found.size() != 1) return {};
  return found.front();
}

std::int64_t KernelTensor::elements() const {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

std::optional<int> Kernel::find_tensor(std::string_view wanted) const {
  return position(std::views::transform(tensors, &KernelTensor::name), wanted);
}

Var Kernel::add_axis(const std::string& name, std::int64_t extent, Tag tag) {
  const auto is_taken = [&](const std::string& other) {
    return !other.empty() && std::ranges::count(axes, other, &Axis::name) > 0;
  };
  axes.push_back({unused(name, is_taken), extent, tag});
  return static_cast<Var>(axes.size()) - 1;
}

int Kernel::add_tensor(KernelTensor tensor) {
  const auto is_taken = [&](const std::string& other) { return find_tensor(other).has_value(); };
  tensor.name = unused(tensor.name, is_taken);
  tensors.push_back(std::move(tensor));
  return static_cast<int>(tensors.size()) - 1;
}

}  // namespace tenon
