// order: loops permuted, what stands between them, and what is refused.
#include <doctest/doctest.h>

#include "golden.h"
#include "lower/moves.h"
#include "lower/naive.h"
#include "lower_support.h"
#include "nest_builder.h"

using namespace tenon;
using tenon_test::moved;

namespace {

constexpr auto sums_and_powers =
    "x = input f32[4,16]\n"
    "s = reduce(x, with=sum, axes=[1])\n"
    "y = exp2(s)\n"
    "output y\n";
constexpr auto many_sums =
    "x = input f32[1000,16]\n"
    "s = reduce(x, with=sum, axes=[1])\n"
    "y = exp2(s)\n"
    "output y\n";
constexpr auto sums_of_planes =
    "x = input f32[3,4,5]\n"
    "y = reduce(x, with=sum, axes=[1,2])\n"
    "output y\n";

constexpr auto powers_of_planes =
    "x = input f32[3,4,5]\n"
    "y = exp2(reduce(x, with=sum, axes=[2]))\n"
    "output y\n";
constexpr auto sum_of_blocks =
    "x = input f32[1030]\n"
    "y = reduce(x, with=sum, axes=[0])\n"
    "output y\n";
constexpr auto maxima_of_planes =
    "x = input f32[3,4,5]\n"
    "y = reduce(x, with=max, axes=[1,2])\n"
    "output y\n";
constexpr auto sums_of_columns =
    "x = input f32[2000,3]\n"
    "y = reduce(x, with=sum, axes=[0])\n"
    "output y\n";
constexpr auto rows_by_index =
    "x = input f32[8,3]\n"
    "index = input i32[8]\n"
    "base = input f32[4,3]\n"
    "y = scatter(base, index, x, axis=0, mode=set)\n"
    "output y\n";

}  // namespace

TEST_CASE("what stands between loops gets copies of those that it leaves") {
  CHECK(moved(sums_and_powers, "order k i") ==
        "kernel map(x f32[4,16]) -> map f32[4]\n"
        "local sum f32[4]\n"
        "  for k 16\n"
        "    for i 4\n"
        "      sum[i] += x[i,k] over k\n"
        "  for i 4\n"
        "    map[i] = exp2(sum[i])\n");
}

TEST_CASE("where those would be many, it runs in the last iteration of loops that it enters") {
  CHECK(moved(many_sums, "split k -> ko ki(8)   order ko i ki") ==
        "kernel map(x f32[1000,16]) -> map f32[1000]\n"
        "local sum f32[1000]\n"
        "  for ko 2\n"
        "    for i 1000\n"
        "      for ki 8\n"
        "        sum[i] += x[i,8*ko + ki] over ko, ki\n"
        "      map[i] = exp2(sum[i]) when ko == 1\n");
}

TEST_CASE("it changes all loops that stand one inside the other") {
  CHECK(moved(sums_of_columns, "order kb k kl i   order kl i") ==
        "kernel sum(x f32[2000,3]) -> sum f32[3]\n"
        "local part f32[3,64]\n"
        "local tot f32[3,64]\n"
        "limit 1024*kb + 64*k + kl < 2000 peel\n"
        "  for kb 2\n"
        "    for k 16\n"
        "      for kl 64\n"
        "        for i 3\n"
        "          part[i,kl] += x[1024*kb + 64*k + kl,i] over k\n"
        "    for kl 64\n"
        "      for i 3\n"
        "        tot[i,kl] += part[i,kl] over kb\n"
        "  for i 3\n"
        "    sum[i] = fold(tot[i,:64])\n");
}

TEST_CASE("what follows over one of the loops by itself runs in that") {
  CHECK(moved(sum_of_blocks, "order kl kb k") ==
        "kernel sum(x f32[1030]) -> sum f32[]\n"
        "local part f32[64]\n"
        "local tot f32[64]\n"
        "limit 1024*kb + 64*k + kl < 1030 peel\n"
        "  for kl 64\n"
        "    for kb 2\n"
        "      for k 16\n"
        "        part[kl] += x[1024*kb + 64*k + kl] over k\n"
        "      tot[kl] += part[kl] over kb\n"
        "  sum = fold(tot[:64])\n");
  CHECK(moved(powers_of_planes, "order i k j   order j i k") ==
        "kernel map(x f32[3,4,5]) -> map f32[3,4]\n"
        "local sum f32[3,4]\n"
        "  for j 4\n"
        "    for i 3\n"
        "      for k 5\n"
        "        sum[i,j] += x[i,j,k] over k\n"
        "      map[i,j] = exp2(sum[i,j])\n");
}

TEST_CASE("what stands before the loops stays before them") {
  CHECK(moved(powers_of_planes, "order i k j   stage x at k   order k i j") ==
        "kernel map(x f32[3,4,5]) -> map f32[3,4]\n"
        "local sum f32[3,4]\n"
        "local x.k f32[4]\n"
        "  for k 5\n"
        "    for i 3\n"
        "      for x.k.j 4\n"
        "        x.k[x.k.j] = x[i,x.k.j,k]\n"
        "      for j 4\n"
        "        sum[i,j] += x.k[j] over k\n"
        "  for i 3\n"
        "    for j 4\n"
        "      map[i,j] = exp2(sum[i,j])\n");
  CHECK(moved(powers_of_planes, "stage x at i   order j i k") ==
        "order j i k: x.i would be read outside of the iteration that stores it");
}

TEST_CASE("what stands beside the loops, one after the other, stays in that order") {
  const std::string after = moved(
      "x = input f32[600,1030]\n"
      "y = reduce(x, with=sum, axes=[1])\n"
      "output y\n",
      "order kb k i kl");
  CAPTURE(after);
  CHECK(after.ends_with("  for i 600\n    sum[i] = fold(tot[i,:64])\n"));
  const std::string before = moved(
      "a = input f32[600,8]\n"
      "b = input f32[600,4,8]\n"
      "x = input f32[600,4,5]\n"
      "u = reduce(a, with=sum, axes=[1])\n"
      "v = reduce(mul(b, expand(reshape(u, shape=[600,1,1]), shape=[600,4,8])), with=max, "
      "axes=[2])\n"
      "y = reduce(mul(x, expand(reshape(v, shape=[600,4,1]), shape=[600,4,5])), with=max, "
      "axes=[2])\n"
      "output y\n",
      "order max2.k i j");
  CAPTURE(before);
  CHECK(before.starts_with("kernel "));
}

TEST_CASE("partial sums of one block do not wait while others take their place") {
  CHECK(moved("x = input f32[7,40,300]\n"
              "y = reduce(x, with=sum, axes=[1,2])\n"
              "output y\n",
              "order k kb rl r i") ==
        "order k kb rl r i: part does not last from one iteration of sum.k to the next");
}

TEST_CASE("what is stored in some iterations of fused loops is kept for the others") {
  const std::string loops = moved(
      "a = input f32[600,8]\n"
      "b = input f32[600,4,8]\n"
      "u = reduce(a, with=sum, axes=[1])\n"
      "y = reduce(mul(b, expand(reshape(u, shape=[600,1,1]), shape=[600,4,8])), with=max, "
      "axes=[2])\n"
      "output y\n",
      "order j i max.k   fuse j i -> f");
  CAPTURE(loops);
  CHECK(loops.starts_with("kernel "));
}

TEST_CASE("what follows over one of the loops has to wait for all of it") {
  NestBuilder nest("running");
  const int x = nest.input("x", {2, 4, 3}), s = nest.output("s", {2}), y = nest.output("y", {2, 4});
  const Var a = nest.axis("a", 2), i = nest.axis("i", 4), k = nest.axis("k", 3);
  const Index at_a = Index::var(a), at_i = Index::var(i);
  nest.loop(a, [&] {
    nest.loop(i, [&] {
      nest.loop(k, [&] {
        Store& sum = nest.accumulate(s, {at_a}, nest.load(x, {at_a, at_i, Index::var(k)}));
        sum.over = {i, k};
        sum.initial = true;
      });
    });
    nest.loop(i, [&] { nest.store(y, {at_a, at_i}, nest.load(s, {at_a})); });  // after the sum
  });
  const Moved result = apply_all(nest.finished().kernel, {{Order{{"i", "a", "k"}}}});
  REQUIRE(std::holds_alternative<Refusal>(result));
  CHECK(std::get<Refusal>(result).reason ==
        "order i a k: what stands beside them runs over i by itself");
}

TEST_CASE("what follows over the innermost loop keeps its own") {
  NestBuilder nest("squares");
  const int x = nest.input("x", {2, 4}), s = nest.output("s", {2, 4}), y = nest.output("y", {2, 4});
  const Var a = nest.axis("a", 2), i = nest.axis("i", 4);
  const std::vector<Index> at{Index::var(a), Index::var(i)};
  nest.loop(a, [&] {
    nest.loop(i, [&] { nest.store(s, at, nest.load(x, at)); });
    nest.loop(i, [&] { nest.store(y, at, nest.load(s, at)); });
  });
  const Moved result = apply_all(nest.finished().kernel, {{Order{{"i", "a"}}}});
  REQUIRE(std::holds_alternative<Refusal>(result));
  CHECK(std::get<Refusal>(result).reason ==
        "order i a: what stands beside them runs over i by itself");
}

TEST_CASE("a kept axis goes anywhere") {
  CHECK(moved(sums_of_planes, "order k r i") ==
        "kernel sum(x f32[3,4,5]) -> sum f32[3]\n"
        "  for k 4\n"
        "    for r 5\n"
        "      for i 3\n"
        "        sum[i] += x[i,k,r] over k, r\n");
}

TEST_CASE("tiles of other loops over the same axes keep their place") {
  const std::string loops = moved(
      "x = input f32[64,32]\n"
      "m = reduce(x, with=max, axes=[1])\n"
      "y = sub(x, expand(reshape(m, shape=[64,1]), shape=[64,32]))\n"
      "output y\n",
      "order k i   order j i   stage x at i   order i j");
  CAPTURE(loops);
  CHECK(loops.starts_with("kernel "));
}

TEST_CASE("maxima of floats keep their order, for of two zeros the first counts") {
  CHECK(moved(maxima_of_planes, "order i r k") ==
        "order i r k: max adds up over max.k before max.r: keep their order");
}

TEST_CASE("what order refuses") {
  CHECK(moved(sums_of_planes, "order") == "order: no axes given");
  CHECK(moved(sums_of_planes, "order i q") == "order i q: no axis q");
  CHECK(moved(sums_of_planes, "order i i") == "order i i: i is named twice");
  CHECK(moved(sums_of_planes, "order i r") ==
        "order i r: other loops stand between them; name those too");
  CHECK(moved(rows_by_index, "order i i2") ==
        "order i i2: these loops are not one inside the other");
  CHECK(moved(rows_by_index, "order i2 j2") ==
        "order i2 j2: scatter is stored at computed places in an order that counts");
  CHECK(moved(sums_of_planes, "order r k") ==
        "order r k: sum adds up over sum.k before sum.r: keep their order");
}

TEST_CASE("what follows a ragged block runs after the last of its tiles that is there") {
  tenon_test::Inputs inputs;
  const KernelGraph graph = tenon_test::kernel_of_graph(
      "x = input f32[1100,520]\ny = reduce(x, with=sum, axes=[0])\noutput y\n", inputs);
  const Moved moved =
      apply_all(tenon_test::named_naive(graph),
                parse_schedule("split k -> ko ki(512)   order kb ko i ki", "moves"));
  REQUIRE(std::holds_alternative<Kernel>(moved));
  CHECK(print(std::get<Kernel>(moved)) ==
        "kernel sum(x f32[1100,520]) -> sum f32[520]\n"
        "local part f32[520]\n"
        "limit 1024*kb + 512*ko + ki < 1100\n"
        "  for kb 2\n"
        "    for ko 2\n"
        "      for i 520\n"
        "        for ki 512\n"
        "          part[i] += x[1024*kb + 512*ko + ki,i] over ko, ki\n"
        "        sum[i] += part[i] over kb when ko == 1\n"
        "        sum[i] += part[i] over kb when ko == 0 and 1024*kb + 512*ko + 512 >= 1100\n");
}
