// splitreduce: partial results that meet, and what is refused.
#include <doctest/doctest.h>

#include "golden.h"

using tenon_test::moved;

namespace {

constexpr auto long_sum =
    "x = input f32[2500,20]\n"
    "y = reduce(x, with=sum, axes=[0])\n"
    "output y\n";
constexpr auto row_sums =
    "x = input f32[4,24]\n"
    "y = reduce(x, with=sum, axes=[1])\n"
    "output y\n";

}  // namespace

TEST_CASE("a naive nest adds block by block") {
  CHECK(moved(long_sum, "") ==
        "kernel sum(x f32[2500,20]) -> sum f32[20]\n"
        "local part f32[20]\n"
        "limit 1024*kb + k < 2500\n"
        "  for i 20\n"
        "    for kb 3\n"
        "      for k 1024\n"
        "        part[i] += x[1024*kb + k,i] over k\n"
        "      sum[i] += part[i] over kb\n");
}

TEST_CASE("the partial sums of the blocks meet in a loop of their own") {
  CHECK(moved(long_sum, "splitreduce kb   bind kb parallel") ==
        "kernel sum(x f32[2500,20]) -> sum f32[20]\n"
        "local part f32[3,20]\n"
        "limit 1024*kb + k < 2500\n"
        "  for i 20\n"
        "    for kb 3 parallel\n"
        "      for k 1024\n"
        "        part[kb,i] += x[1024*kb + k,i] over k\n"
        "    for sum.kb.meet 3\n"
        "      sum[i] += part[sum.kb.meet,i] over sum.kb.meet\n");
}

TEST_CASE("what splitreduce refuses") {
  CHECK(moved(long_sum, "splitreduce q") == "splitreduce q: no axis q");
  CHECK(moved(long_sum, "splitreduce k") ==
        "splitreduce k: nothing but the sum itself is in it: it adds up its terms in order");
  CHECK(moved(row_sums, "splitreduce i") == "splitreduce i: nothing adds up over i");
}
