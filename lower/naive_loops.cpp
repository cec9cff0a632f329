#include "lower/naive_loops.h"

#include <fmt/format.h>

namespace tenon {

int add_tensor(Kernel& kernel, const Node& node, std::string name, Where where) {
  kernel.tensors.push_back({std::move(name), node.type, values(node.shape), where});
  return static_cast<int>(kernel.tensors.size()) - 1;
}

ShapeLoops loops_over(Kernel& kernel, const Shape& shape, const std::string& name) {
  constexpr std::string_view letters = "ijlmnopquvwxyz";
  ShapeLoops result;
  for (std::size_t axis = 0; axis < shape.size(); axis++) {
    const std::int64_t extent = shape[axis].value();
    const bool has_loop = extent != 1;
    if (has_loop) result.loops.push_back(kernel.add_axis(axis_name(name, letters, axis), extent));
    result.at.push_back(has_loop ? Index::var(result.loops.back()) : 0);
  }
  return result;
}

std::string axis_name(const std::string& name, std::string_view letters, std::size_t position) {
  return fmt::format("{}.{}", name, letters[position % letters.size()]);
}

}  // namespace tenon
