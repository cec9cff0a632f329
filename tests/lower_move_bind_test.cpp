// bind and fuse: tags, one loop of two, and what is refused.
#include <doctest/doctest.h>

#include "golden.h"

using tenon_test::moved;

namespace {

constexpr auto doubled =
    "x = input f32[8,16]\n"
    "y = mul(x, 2)\n"
    "output y\n";
constexpr auto row_sums =
    "x = input f32[4,24]\n"
    "y = reduce(x, with=sum, axes=[1])\n"
    "output y\n";
constexpr auto long_row =
    "x = input f32[1000]\n"
    "y = mul(x, 2)\n"
    "output y\n";
constexpr auto sums_of_planes =
    "x = input f32[3,4,5]\n"
    "y = reduce(x, with=sum, axes=[1,2])\n"
    "output y\n";
constexpr auto sums_of_columns =
    "x = input f32[130,3]\n"
    "y = reduce(x, with=sum, axes=[0])\n"
    "output y\n";
constexpr auto counted =
    "x = input f32[8,3]\n"
    "index = input i32[8]\n"
    "base = input f32[4,3]\n"
    "y = scatter(base, index, x, axis=0, mode=set)\n"
    "output y\n";

constexpr auto sums_and_powers =
    "x = input f32[4,16]\n"
    "s = reduce(x, with=sum, axes=[1])\n"
    "y = exp2(s)\n"
    "output y\n";
constexpr auto maxima_of_planes =
    "x = input i32[3,4,5]\n"
    "y = reduce(x, with=max, axes=[1,2])\n"
    "output y\n";

}  // namespace

TEST_CASE("a loop gets a tag") {
  CHECK(moved(doubled, "bind i parallel   bind j vector") ==
        "kernel map(x f32[8,16]) -> map f32[8,16]\n"
        "  for i 8 parallel\n"
        "    for j 16 vector\n"
        "      map[i,j] = x[i,j] * 2\n");
}

TEST_CASE("two loops become one") {
  CHECK(moved(doubled, "fuse i j -> ij   bind ij parallel") ==
        "kernel map(x f32[128]) -> map f32[128]\n"
        "  for ij 128 parallel\n"
        "    map[ij] = x[ij] * 2\n");
  CHECK(moved(doubled, "split j -> jo ji(4)   order i jo ji   fuse i jo -> t") ==
        "kernel map(x f32[128]) -> map f32[128]\n"
        "  for t 32\n"
        "    for ji 4\n"
        "      map[ji + 4*t] = x[ji + 4*t] * 2\n");
}

TEST_CASE("two axes of a sum become one") {
  CHECK(moved(sums_of_planes, "fuse k r -> kr") ==
        "kernel sum(x f32[3,20]) -> sum f32[3]\n"
        "  for i 3\n"
        "    for kr 20\n"
        "      sum[i] += x[i,kr] over kr\n");
}

TEST_CASE("loops become one wherever one holds the other, and stand elsewhere") {
  CHECK(moved(sums_of_columns, "order k kl i   fuse kl i -> li") ==
        "kernel sum(x f32[390]) -> sum f32[3]\n"
        "local part f32[3,64]\n"
        "limit 192*k + li < 390 peel\n"
        "  for k 3\n"
        "    for li 192\n"
        "      part[li mod 3,li / 3] += x[192*k + li] over k\n"
        "  for i 3\n"
        "    sum[i] = fold(part[i,:64])\n");
}

TEST_CASE("what bind refuses") {
  CHECK(moved(doubled, "bind q vector") == "bind q vector: no axis q");
  CHECK(moved(long_row, "bind i vector") ==
        "bind i vector: 1000 iterations are too many for one vector: split first");
  CHECK(moved(long_row, "bind i unroll") == "bind i unroll: 1000 copies are too many: split first");
  CHECK(moved(row_sums, "bind k parallel") ==
        "bind k parallel: sum adds up over sum.k in order, so it cannot be parallel");
  CHECK(moved(row_sums, "bind k vector") ==
        "bind k vector: sum adds up over sum.k in order, so it cannot be vector");
  CHECK(moved(counted, "bind i2 parallel") ==
        "bind i2 parallel: all iterations of scatter.i2 store to the same elements of scatter");
}

TEST_CASE("what fuse refuses") {
  CHECK(moved(doubled, "fuse i q -> t") == "fuse i q -> t: no axis q");
  CHECK(moved(doubled, "fuse j i -> t") == "fuse j i -> t: they are not directly nested");
  CHECK(moved(doubled, "split j -> jo ji(5)   fuse jo ji -> t") ==
        "fuse jo ji -> t: map.ji has a tail");
  CHECK(moved(row_sums, "split i -> io ii(2)   fuse io ii -> k") ==
        "fuse io ii -> k: there is an axis sum.k already");
  CHECK(moved(row_sums, "fuse i k -> t") == "fuse i k -> t: only one of them is added up over");
  CHECK(moved(sums_and_powers, "fuse i k -> t") == "fuse i k -> t: they are not directly nested");
  CHECK(moved(maxima_of_planes, "order i r k   fuse r k -> t") ==
        "fuse r k -> t: they are not added up over one after the other");
}

TEST_CASE("tiles of rows that were fused and split run side by side inside another loop's") {
  CHECK(moved("x = input f32[3,4,5]\n"
              "y = mul(x, 2)\n"
              "output y\n",
              "fuse j l -> jl   split jl -> o p(4)   order o i p   bind o parallel") ==
        "kernel map(x f32[3,20]) -> map f32[3,20]\n"
        "  for o 5 parallel\n"
        "    for i 3\n"
        "      for p 4\n"
        "        map[i,4*o + p] = x[i,4*o + p] * 2\n");
}
