// Near shapes: kernels whose texts differ only in lengths are one family, such as all products of
// two matrices. A kernel that nobody has tuned takes the point of the nearest tuned kernel of its
// family. Used by the kernel store.
#pragma once

#include <string>
#include <string_view>

namespace tenon {

// The canonical text of a kernel with `#` in place of every length. Equal for a family.
std::string without_lengths(std::string_view canonical);

// How far the lengths of the inputs differ between two kernels of a family: the sum of
// |log2(a / b)| over all axes. Infinite if a length is more than twice the other.
double distance(std::string_view canonical, std::string_view other);

}  // namespace tenon
