#include "core/extent.h"

#include <fmt/core.h>

namespace tenon {

std::int64_t elements(const Shape& shape) {
  std::int64_t product = 1;
  for (const Extent& extent : shape) product *= extent.value();
  return product;
}

std::vector<std::int64_t> values(const Shape& shape) {
  std::vector<std::int64_t> result;
  for (const Extent& extent : shape) result.push_back(extent.value());
  return result;
}

std::vector<std::int64_t> strides(const Shape& shape) {
  std::vector<std::int64_t> result(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;)
    result[axis - 1] = result[axis] * shape[axis].value();
  return result;
}

std::string text(const Shape& shape) {
  std::string result = "[";
  for (const Extent& extent : shape) {
    if (result.size() > 1) result += ',';
    result += text(extent.index(), [](Var v) { return fmt::format("n{}", v); });
  }
  return result + "]";
}

}  // namespace tenon
