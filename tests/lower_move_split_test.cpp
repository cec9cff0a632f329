// split: parts, tails, and what it refuses.
#include <doctest/doctest.h>

#include "golden.h"

using tenon_test::finished;
using tenon_test::moved;

namespace {

constexpr auto doubled =
    "x = input f32[20]\n"
    "y = mul(x, 2)\n"
    "output y\n";
constexpr auto row_sums =
    "x = input f32[4,24]\n"
    "y = reduce(x, with=sum, axes=[1])\n"
    "output y\n";

}  // namespace

TEST_CASE("one loop becomes several") {
  CHECK(moved(doubled, "split i -> io im(2) ii(5)") ==
        "kernel map(x f32[20]) -> map f32[20]\n"
        "  for io 2\n"
        "    for im 2\n"
        "      for ii 5\n"
        "        map[10*io + 5*im + ii] = x[10*io + 5*im + ii] * 2\n");
}

TEST_CASE("a tail is a limit, and masked where nothing else is asked for") {
  CHECK(moved(doubled, "split i -> io ii(8)") ==
        "kernel map(x f32[20]) -> map f32[20]\n"
        "limit 8*io + ii < 20\n"
        "  for io 3\n"
        "    for ii 8\n"
        "      map[8*io + ii] = x[8*io + ii] * 2\n");
}

TEST_CASE("a sum goes over all parts, in order") {
  CHECK(moved(row_sums, "split k -> ko ki(8)") ==
        "kernel sum(x f32[4,24]) -> sum f32[4]\n"
        "  for i 4\n"
        "    for ko 3\n"
        "      for ki 8\n"
        "        sum[i] += x[i,8*ko + ki] over ko, ki\n");
}

TEST_CASE("what split refuses") {
  CHECK(moved(doubled, "split q -> io ii(8)") == "split q -> io ii(8): no axis q");
  CHECK(moved(doubled, "split i -> io io(8)") ==
        "split i -> io io(8): there is an axis map.io already");
  CHECK(moved(doubled, "split i -> io im(1000000) ii(1000000)") ==
        "split i -> io im(1000000) ii(1000000): its parts would have over 1073741824 iterations");
}
