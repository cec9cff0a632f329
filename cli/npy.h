// Arrays in NumPy's .npy format (numpy.org/neps/nep-0001-npy-format.html), versions 1 to 3: the
// values that `tenon run` reads and writes. Debian packages no library for it, and it is small.
//
// Read: little-endian f4 f8 i4 i8, and u1 b1, in C or Fortran order. If the file has another type
// than the input, its values are converted, and each must be exact in the input's type: 3.0 in f8
// is the i32 3. The error names the first value that is not. Written: f4 i4 b1, version 1, C order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/type.h"
#include "text/parse_graph.h"

namespace tenon::cli {

struct NpyArray {
  std::string element;  // "f4", "f8", "i4", "i8", "u1" or "b1"
  std::vector<std::int64_t> shape;
  std::string bytes;  // row-major, little endian
};

// Reads the bytes of a file. Error, for this and the next function: "FILE: what is wrong and how to
// mend it".
NpyArray parse_npy(std::string contents, std::string_view file);

// The bytes of the input's values, row-major. Error if the shape or a value does not fit: "a.npy:
// expected f32[64,32] for input a, the file has f32[64,31]".
std::string values_for(const InputLine& input, NpyArray array, std::string_view file);

// What stands before the values in a file: magic, version, and the header, padded to 64 bytes.
std::string npy_header(Type type, const std::vector<std::int64_t>& shape);

}  // namespace tenon::cli
