// at: a producer inside its consumer's loops, and what is refused.
#include <doctest/doctest.h>

#include "golden.h"

using tenon_test::moved;

namespace {

constexpr auto above_maxima =
    "x = input f32[4,8]\n"
    "m = reduce(x, with=max, axes=[1])\n"
    "y = add(x, expand(reshape(m, shape=[4,1]), shape=[4,8]))\n"
    "output y\n";
constexpr auto long_sum =
    "x = input f32[2048]\n"
    "y = reduce(x, with=sum, axes=[0])\n"
    "output y\n";
constexpr auto product =
    "a = input f32[4,8]\n"
    "b = input f32[8,6]\n"
    "c = matmul(a, b)\n"
    "output c\n";

}  // namespace

TEST_CASE("the loops of a producer and of its consumer merge") {
  CHECK(moved(product, "order j i k   stage b at root   at b.root j") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.root f32[6,8]\n"
        "  for j 6\n"
        "    for b.root.k 8\n"
        "      b.root[j,b.root.k] = b[b.root.k,j]\n"
        "    for i 4\n"
        "      for k 8\n"
        "        sum[i,j] += a[i,k] * b.root[j,k] over k\n");
}

TEST_CASE("a consumer's axis that has loops elsewhere is that of the merged loop") {
  CHECK(moved(long_sum, "stage x at root   at x.root kl") ==
        "kernel sum(x f32[2048]) -> sum f32[]\n"
        "local part f32[64]\n"
        "local tot f32[64]\n"
        "local x.root f32[2,16,64]\n"
        "  for kb 2\n"
        "    for k 16\n"
        "      for kl 64\n"
        "        x.root[kb,k,kl] = x[kl + 1024*kb + 64*k]\n"
        "        part[kl] += x.root[kb,k,kl] over k\n"
        "    for kl 64\n"
        "      tot[kl] += part[kl] over kb\n"
        "  sum = fold(tot[:64])\n");
}

TEST_CASE("what at refuses") {
  CHECK(moved(above_maxima, "at q i") == "at q i: no tensor q");
  CHECK(moved(above_maxima, "at max q") == "at max q: no axis q");
  CHECK(moved(above_maxima, "at max i") == "at max i: max is computed there already");
  CHECK(moved(product, "at sum j") == "at sum j: sum is computed there already");
  CHECK(moved(product, "stage b at root   at b.root i") ==
        "at b.root i: b.root.j has 6 iterations and sum.i has 4");
  CHECK(moved(product, "order j i k   stage b at root   bind j parallel   at b.root j") ==
        "at b.root j: b.root.j is serial and sum.j is parallel");
  CHECK(moved(above_maxima, "at max j") ==
        "at max j: max.k and map.j use elements of max in different iterations");
}
