#include "cli/npy.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "core/error.h"

namespace tenon::cli {

namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie");

struct ElementInfo {
  std::string_view code, name;  // NumPy's, ours
  int bytes;
};
constexpr ElementInfo element_table[] = {
    {"f4", "f32", 4}, {"f8", "f64", 8}, {"i4", "i32", 4},
    {"i8", "i64", 8}, {"u1", "u8", 1},  {"b1", "bool", 1},
};

const ElementInfo* find_element(std::string_view code) {
  for (const ElementInfo& element : element_table)
    if (element.code == code) return &element;
  return nullptr;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

std::string_view code_of(Type type) {
  return type == Type::f32 ? "<f4" : type == Type::i32 ? "<i4" : "|b1";
}

// The header: a Python dictionary with three keys, {'descr': '<f4', 'fortran_order': False,
// 'shape': (64, 32), }, in any order.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::string_view file) : rest_(text), file_(file) {}

  struct Header {
    std::optional<std::string> type;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::int64_t>> shape;
  };
  Header read() {
    Header header;
    expect('{');
    while (!take('}')) {
      const std::string key = word_in_quotes();
      expect(':');
      if (key == "descr") {
        if (peek() == '[')
          fail("{}: the file has records of several fields; save one field as an array", file_);
        header.type = word_in_quotes();
      } else if (key == "fortran_order") {
        header.fortran_order = truth();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        damaged(fmt::format("unknown key '{}'", key));
      }
      if (!take(',') && peek() != '}') damaged("no ',' after a value");
    }
    if (!header.type || !header.fortran_order || !header.shape)
      damaged("descr, fortran_order and shape must all be there");
    return header;
  }

 private:
  [[noreturn]] void damaged(std::string_view why) const {
    fail("{}: damaged .npy header: {}; save the array again", file_, why);
  }
  char peek() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())))
      rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) damaged(fmt::format("no '{}'", wanted));
  }
  std::string word_in_quotes() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') damaged("no word in quotes");
    rest_.remove_prefix(1);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) damaged("a word's quote is not closed");
    const std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return word;
  }
  bool truth() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    damaged("fortran_order is neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!take(')')) {
      peek();
      std::int64_t value = -1;
      const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (parsed.ec != std::errc() || value < 0) damaged("an extent is no number");
      rest_.remove_prefix(parsed.ptr - rest_.data());
      values.push_back(value);
      if (!take(',') && peek() != ')') damaged("no ',' after an extent");
    }
    return values;
  }

  std::string_view rest_;
  std::string_view file_;
};

// Column-major bytes in row-major order.
std::string row_major(std::string_view bytes, const std::vector<std::int64_t>& shape, int size) {
  std::string result(bytes.size(), '\0');
  std::vector<std::int64_t> at(shape.size(), 0);
  for (std::size_t to = 0; to < bytes.size(); to += size) {
    std::int64_t from = 0;
    for (std::size_t axis = shape.size(); axis-- > 0;) from = from * shape[axis] + at[axis];
    std::memcpy(&result[to], &bytes[from * size], size);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++at[axis] < shape[axis]) break;
      at[axis] = 0;
    }
  }
  return result;
}

// Wide enough for every value of every type in the table.
using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64);

template <typename T>
Exact load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<Exact>(value);
}

Exact load(const ElementInfo& element, const char* at) {
  if (element.code == "f4") return load<float>(at);
  if (element.code == "f8") return load<double>(at);
  if (element.code == "i4") return load<std::int32_t>(at);
  if (element.code == "i8") return load<std::int64_t>(at);
  return load<std::uint8_t>(at);
}

// Stores the value; false where the type does not hold it exactly.
bool store(Type type, Exact value, char* at) {
  switch (type) {
    case Type::f32: {
      const auto rounded = static_cast<float>(value);
      std::memcpy(at, &rounded, sizeof rounded);
      return std::isnan(value) || static_cast<Exact>(rounded) == value;
    }
    case Type::i32: {
      using Limits = std::numeric_limits<std::int32_t>;
      if (!(value >= Limits::min() && value <= Limits::max())) return false;
      const auto whole = static_cast<std::int32_t>(value);
      std::memcpy(at, &whole, sizeof whole);
      return static_cast<Exact>(whole) == value;
    }
    case Type::boolean:
      *at = value == 1 ? 1 : 0;
      return value == 0 || value == 1;
  }
  return false;
}

}  // namespace

NpyArray parse_npy(std::string contents, std::string_view file) {
  if (!contents.starts_with("\x93NUMPY") || contents.size() < 10)
    fail("{}: not a .npy file; write it with numpy.save", file);
  const int version = static_cast<unsigned char>(contents[6]);
  if (version < 1 || version > 3)
    fail("{}: .npy version {} is unknown; 1, 2 and 3 are read", file, version);
  const std::size_t start = version == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = start; i-- > 8;)
    length = length * 256 + (i < contents.size() ? static_cast<unsigned char>(contents[i]) : 0);
  if (contents.size() < start + length)
    fail("{}: the file ends within its header; save the array again", file);
  const auto header = HeaderReader(std::string_view(contents).substr(start, length), file).read();

  NpyArray array{header.type->substr(header.type->empty() ? 0 : 1), *header.shape, ""};
  const ElementInfo* element = find_element(array.element);
  if (!element || (header.type->front() == '>' && element->bytes > 1))
    fail("{}: elements of type '{}' are not read; convert with a.astype('<f4'), or to i4 or b1",
         file, *header.type);
  std::size_t bytes = element->bytes;
  for (const std::int64_t extent : array.shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(extent), &bytes))
      fail("{}: the shape {} is too large", file, shape_text(array.shape));
  std::string values = std::move(contents.erase(0, start + length));  // no second copy
  if (values.size() != bytes)
    fail("{}: the file has {} bytes of values, {}{} has {}; save the array again", file,
         values.size(), element->name, shape_text(array.shape), bytes);
  array.bytes =
      *header.fortran_order ? row_major(values, array.shape, element->bytes) : std::move(values);
  return array;
}

std::string values_for(const InputLine& input, NpyArray array, std::string_view file) {
  const ElementInfo& from = *find_element(array.element);
  const auto mismatch = [&](const std::string& more) {
    fail("{}: expected {}{} for input {}, the file has {}{}{}", file, info(input.type).name,
         text(input.shape), input.name, from.name, shape_text(array.shape), more);
  };
  if (array.shape != values(input.shape)) mismatch("");
  if (from.name == info(input.type).name && input.type != Type::boolean)
    return std::move(array.bytes);
  const std::size_t size = info(input.type).bytes;
  const std::size_t count = array.bytes.size() / from.bytes;
  std::string bytes(count * size, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    const Exact value = load(from, &array.bytes[i * from.bytes]);
    if (!store(input.type, value, &bytes[i * size]))
      mismatch(fmt::format(
          " and its element {} is {}, which {} does not hold exactly; convert with a.astype('{}')",
          i, static_cast<double>(value), info(input.type).name, code_of(input.type)));
  }
  return bytes;
}

std::string npy_header(Type type, const std::vector<std::int64_t>& shape) {
  std::string extents;
  for (const std::int64_t extent : shape) extents += fmt::format("{}, ", extent);
  if (shape.size() > 1) extents.resize(extents.size() - 2);
  if (shape.size() == 1) extents.resize(extents.size() - 1);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   code_of(type), extents);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string result = "\x93NUMPY";
  result += '\1';
  result += '\0';
  result += static_cast<char>(header.size() % 256);
  result += static_cast<char>(header.size() / 256);
  return result + header;
}

}  // namespace tenon::cli
