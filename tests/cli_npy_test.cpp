// .npy files: what is read, what is refused and with which words, what is written.
#include <doctest/doctest.h>

#include <cstring>

#include "cli/npy.h"
#include "core/error.h"

using namespace tenon;
using namespace tenon::cli;

namespace {

// A version 1 file with this dictionary as its header, then the values as they lie in memory.
template <typename T>
std::string file_of(const std::string& header, const std::vector<T>& values) {
  std::string file = "\x93NUMPY";
  file += {'\1', '\0', static_cast<char>(header.size()), '\0'};
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return file;
}

std::string header_of(const std::string& type, const std::string& shape,
                      const std::string& fortran_order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran_order + ", 'shape': " + shape +
         ", }\n";
}

template <typename T>
std::vector<T> values_in(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <typename Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a file that was written is read back") {
  const std::vector<float> values = {1.5F, -2, 0, 4, 5, 6};
  const std::string bytes(reinterpret_cast<const char*>(values.data()), 24);
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{6}, {2, 3}, {1, 6, 1}}) {
    const std::string header = npy_header(Type::f32, shape);
    CHECK(header.size() % 64 == 0);
    const NpyArray array = parse_npy(header + bytes, "x.npy");
    CHECK(array.element == "f4");
    CHECK(array.shape == shape);
    CHECK(array.bytes == bytes);
  }
}

TEST_CASE("the header of a scalar and of a vector are Python's tuples") {
  CHECK(npy_header(Type::i32, {}).find("'descr': '<i4', 'fortran_order': False, 'shape': (), }") !=
        std::string::npos);
  CHECK(npy_header(Type::boolean, {7}).find("'|b1', 'fortran_order': False, 'shape': (7,), }") !=
        std::string::npos);
  CHECK(parse_npy(npy_header(Type::i32, {}) + "abcd", "x.npy").bytes == "abcd");
}

TEST_CASE("keys may come in any order and with any space") {
  const auto file =
      file_of<float>("{ 'shape':(2 , ),\"descr\" : \"<f4\",'fortran_order':False}\n", {1, 2});
  CHECK(parse_npy(file, "x.npy").shape == std::vector<std::int64_t>{2});
}

TEST_CASE("versions 2 and 3 have longer lengths") {
  const std::string header = header_of("<f4", "()");
  for (const char version : {'\2', '\3'}) {
    std::string file = "\x93NUMPY";
    file += {version, '\0', static_cast<char>(header.size()), '\0', '\0', '\0'};
    file += header + "abcd";
    CHECK(parse_npy(file, "x.npy").bytes == "abcd");
  }
}

TEST_CASE("Fortran order becomes C order") {
  const auto file = file_of<std::int32_t>(header_of("<i4", "(2, 3)", "True"), {1, 4, 2, 5, 3, 6});
  CHECK(values_in<std::int32_t>(parse_npy(file, "x.npy").bytes) ==
        std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("values of another type are taken where they are held exactly") {
  const auto taken = [](Type type, const std::string& file) {
    return values_for({"x", type, {3}}, parse_npy(file, "x.npy"), "x.npy");
  };
  CHECK(
      values_in<float>(taken(Type::f32, file_of<double>(header_of("<f8", "(3,)"), {.5, -3, 0}))) ==
      std::vector<float>{.5, -3, 0});
  CHECK(values_in<std::int32_t>(
            taken(Type::i32, file_of<std::int64_t>(header_of("<i8", "(3,)"), {1, -2, 3}))) ==
        std::vector<std::int32_t>{1, -2, 3});
  CHECK(values_in<float>(
            taken(Type::f32, file_of<std::uint8_t>(header_of("|u1", "(3,)"), {0, 7, 255}))) ==
        std::vector<float>{0, 7, 255});
  CHECK(taken(Type::boolean, file_of<std::uint8_t>(header_of("|b1", "(3,)"), {0, 1, 1})) ==
        std::string("\0\1\1", 3));
}

TEST_CASE("what does not fit an input is told with both shapes") {
  const auto error = [](const InputLine& input, const std::string& file) {
    return error_of([&] { values_for(input, parse_npy(file, "a.npy"), "a.npy"); });
  };
  CHECK(error({"a", Type::f32, {2, 2}}, file_of<float>(header_of("<f4", "(2, 1)"), {1, 2})) ==
        "a.npy: expected f32[2,2] for input a, the file has f32[2,1]");
  CHECK(error({"a", Type::f32, {2}}, file_of<double>(header_of("<f8", "(2,)"), {1, .1})) ==
        "a.npy: expected f32[2] for input a, the file has f64[2] and its element 1 is 0.1, which "
        "f32 does not hold exactly; convert with a.astype('<f4')");
  CHECK(
      error({"a", Type::i32, {1}}, file_of<std::int64_t>(header_of("<i8", "(1,)"), {1LL << 40})) ==
      "a.npy: expected i32[1] for input a, the file has i64[1] and its element 0 is "
      "1099511627776, which i32 does not hold exactly; convert with a.astype('<i4')");
  CHECK(error({"a", Type::boolean, {1}}, file_of<std::uint8_t>(header_of("|u1", "(1,)"), {2})) ==
        "a.npy: expected bool[1] for input a, the file has u8[1] and its element 0 is 2, which "
        "bool does not hold exactly; convert with a.astype('|b1')");
}

TEST_CASE("damaged and foreign files are refused") {
  struct Row {
    std::string file, message;
  };
  const Row table[] = {
      {"", "a.npy: not a .npy file; write it with numpy.save"},
      {"PK\3\4 a zip file of arrays", "a.npy: not a .npy file; write it with numpy.save"},
      {"\x93NUMPY\4 and more", "a.npy: .npy version 4 is unknown; 1, 2 and 3 are read"},
      {std::string("\x93NUMPY\1\0\xff\xff{", 11),
       "a.npy: the file ends within its header; save the array again"},
      {file_of<float>("not a dictionary", {}),
       "a.npy: damaged .npy header: no '{'; save the array again"},
      {file_of<float>("{'descr': '<f4', 'shape': (1,)}", {1}),
       "a.npy: damaged .npy header: descr, fortran_order and shape must all be there; save the "
       "array again"},
      {file_of<float>("{'descr': '<f4'", {}),
       "a.npy: damaged .npy header: no ',' after a value; save the array again"},
      {file_of<float>("{'descr': '<f4', 'fortran_order': Maybe}", {}),
       "a.npy: damaged .npy header: fortran_order is neither True nor False; save the array again"},
      {file_of<float>(header_of("<f4", "(-1,)"), {1}),
       "a.npy: damaged .npy header: an extent is no number; save the array again"},
      {file_of<float>(header_of("<f4", "(4294967296, 4294967296, 4)"), {1}),
       "a.npy: the shape [4294967296,4294967296,4] is too large"},
      {file_of<float>(header_of("<f4", "(3,)"), {1, 2}),
       "a.npy: the file has 8 bytes of values, f32[3] has 12; save the array again"},
      {file_of<float>(header_of(">f4", "(1,)"), {1}),
       "a.npy: elements of type '>f4' are not read; convert with a.astype('<f4'), or to i4 or b1"},
      {file_of<float>(header_of("<c8", "(1,)"), {1}),
       "a.npy: elements of type '<c8' are not read; convert with a.astype('<f4'), or to i4 or b1"},
      {file_of<float>("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", {1}),
       "a.npy: the file has records of several fields; save one field as an array"},
  };
  for (const Row& row : table)
    CHECK(error_of([&] { parse_npy(row.file, "a.npy"); }) == row.message);
}

TEST_CASE("no prefix of a file is read as an array") {
  const std::string file = file_of<float>(header_of("<f4", "(2,)"), {1, 2});
  for (std::size_t length = 0; length < file.size(); ++length)
    CHECK(error_of([&] { parse_npy(file.substr(0, length), "a.npy"); }) != "no error");
}
