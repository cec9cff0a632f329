#include "cli/show.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace tenon::cli {

namespace {

constexpr std::int64_t shown = 3;  // at each end of an axis longer than twice that

template <typename T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string element(Type type, const char* at) {
  switch (type) {
    case Type::f32: {
      const auto value = load<float>(at);
      return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);  // whatever its sign
    }
    case Type::i32:
      return fmt::format("{}", load<std::int32_t>(at));
    case Type::boolean:
      return *at ? "True" : "False";
  }
  return "";
}

class Printer {
 public:
  Printer(Type type, const std::vector<std::int64_t>& shape, const char* bytes)
      : type_(type), shape_(shape), bytes_(bytes) {}

  std::string print() {
    visit(0, 0, [&](const std::string& word) { width_ = std::max(width_, word.size()); });
    std::string result;
    visit(
        0, 0,
        [&](const std::string& word) {
          result += fmt::format("{:>{}}", word, shape_.empty() ? 0 : width_);
        },
        &result);
    return result;
  }

 private:
  // Calls `each` for every element that is shown; writes the brackets between them to `brackets`.
  template <typename Each>
  void visit(std::size_t axis, std::int64_t at, const Each& each, std::string* brackets = nullptr) {
    if (axis == shape_.size()) return each(element(type_, bytes_ + at * info(type_).bytes));
    const std::int64_t extent = shape_[axis];
    const bool last = axis + 1 == shape_.size();
    const std::string between =
        last ? " " : std::string(shape_.size() - axis - 1, '\n') + std::string(axis + 1, ' ');
    if (brackets) *brackets += '[';
    for (std::int64_t i = 0; i < extent; ++i) {
      if (brackets && i > 0) *brackets += between;
      if (extent > 2 * shown && i == shown) {
        if (brackets) *brackets += "..." + between;
        i = extent - shown;
      }
      visit(axis + 1, at * extent + i, each, brackets);
    }
    if (brackets) *brackets += ']';
  }

  Type type_;
  const std::vector<std::int64_t>& shape_;
  const char* bytes_;
  std::size_t width_ = 0;
};

}  // namespace

std::string show_values(Type type, const std::vector<std::int64_t>& shape, const char* bytes) {
  return Printer(type, shape, bytes).print();
}

}  // namespace tenon::cli
