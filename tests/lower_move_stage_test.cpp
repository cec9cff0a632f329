// stage: tiles of operands and of results, and what is refused.
#include <doctest/doctest.h>

#include "golden.h"
#include "ops/views.h"

using tenon_test::moved;

namespace {

constexpr auto product =
    "a = input f32[4,8]\n"
    "b = input f32[8,6]\n"
    "c = matmul(a, b)\n"
    "output c\n";
constexpr auto sums_of_neighbours =
    "x = input f32[10]\n"
    "y = reduce(window(x, axis=0, size=3), with=sum, axes=[1])\n"
    "output y\n";
constexpr auto rows_by_index =
    "x = input f32[5,3]\n"
    "index = input i32[8]\n"
    "y = mul(gather(x, index, axis=0), 2)\n"
    "output y\n";
constexpr auto rows_to_index =
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
constexpr auto differences =
    "x = input f32[10]\n"
    "y = add(slice(x, start=[0], stop=[9], step=[1]), slice(x, start=[1], stop=[10], step=[1]))\n"
    "output y\n";

}  // namespace

TEST_CASE("the tile of an operand, in the order of the loops below") {
  CHECK(moved(product, "order j i k   stage b at j") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.j f32[8]\n"
        "  for j 6\n"
        "    for b.j.k 8\n"
        "      b.j[b.j.k] = b[b.j.k,j]\n"
        "    for i 4\n"
        "      for k 8\n"
        "        sum[i,j] += a[i,k] * b.j[k] over k\n");
}

TEST_CASE("the tile in an order of its own") {
  CHECK(moved(product, "stage b at i layout(k j)") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.i f32[8,6]\n"
        "  for i 4\n"
        "    for b.i.k 8\n"
        "      for b.i.j 6\n"
        "        b.i[b.i.k,b.i.j] = b[b.i.k,b.i.j]\n"
        "    for j 6\n"
        "      for k 8\n"
        "        sum[i,j] += a[i,k] * b.i[k,j] over k\n");
}

TEST_CASE("the whole operand, once") {
  CHECK(moved(product, "stage b at root") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.root f32[6,8]\n"
        "  for b.root.j 6\n"
        "    for b.root.k 8\n"
        "      b.root[b.root.j,b.root.k] = b[b.root.k,b.root.j]\n"
        "  for i 4\n"
        "    for j 6\n"
        "      for k 8\n"
        "        sum[i,j] += a[i,k] * b.root[j,k] over k\n");
}

TEST_CASE("a copy ends where the loops that read it end, and fills up its last vector with zeros") {
  const std::string split = "split j -> jo ji(4)   order jo i k ji   ";
  const std::string filled = moved(product, split + "bind ji vector   stage b at jo");
  CHECK(filled.find("(b[b.jo.k,4*jo + b.jo.ji] if 4*jo + b.jo.ji < 6 else 0)") !=
        std::string::npos);
  CHECK(moved(product, split + "stage b at jo") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.jo f32[8,4]\n"
        "limit 4*jo + ji < 6\n"
        "limit 4*jo + b.jo.ji < 6\n"
        "  for jo 2\n"
        "    for b.jo.k 8\n"
        "      for b.jo.ji 4\n"
        "        b.jo[b.jo.k,b.jo.ji] = b[b.jo.k,4*jo + b.jo.ji]\n"
        "    for i 4\n"
        "      for k 8\n"
        "        for ji 4\n"
        "          sum[i,4*jo + ji] += a[i,k] * b.jo[k,ji] over k\n");
}

TEST_CASE("a box holds what several iterations share once") {
  CHECK(moved(sums_of_neighbours, "split i -> io ii(4)   stage x at io box") ==
        "kernel sum(x f32[10]) -> sum f32[8]\n"
        "local x.io f32[6]\n"
        "  for io 2\n"
        "    for x.io.0 6\n"
        "      x.io[x.io.0] = x[4*io + x.io.0]\n"
        "    for ii 4\n"
        "      for k 3\n"
        "        sum[4*io + ii] += x.io[k + ii] over k\n");
  CHECK(moved(differences, "stage x at root box") ==
        "kernel map(x f32[10]) -> map f32[9]\n"
        "local x.root f32[10]\n"
        "  for x.root.0 10\n"
        "    x.root[x.root.0] = x[x.root.0]\n"
        "  for i 9\n"
        "    map[i] = (x.root[i] + x.root[i + 1])\n");
}

TEST_CASE("what the next iteration copies is prefetched") {
  CHECK(moved(product, "split j -> jo ji(3)   order jo i k ji   stage b at jo depth 2") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local b.jo f32[8,3]\n"
        "  for jo 2\n"
        "    for b.jo.k 8\n"
        "      for b.jo.ji 3\n"
        "        b.jo[b.jo.k,b.jo.ji] = b[b.jo.k,3*jo + b.jo.ji]\n"
        "        prefetch b[b.jo.k,3*jo + b.jo.ji + 3]\n"
        "    for i 4\n"
        "      for k 8\n"
        "        for ji 3\n"
        "          sum[i,3*jo + ji] += a[i,k] * b.jo[k,ji] over k\n");
}

TEST_CASE("the sums of a tile stay in registers") {
  CHECK(moved(product, "order i k j   stage sum at i in register") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local sum.i f32[6] in register\n"
        "  for i 4\n"
        "    for k 8\n"
        "      for j 6\n"
        "        sum.i[j] += a[i,k] * b[k,j] over k\n"
        "    for sum.i.j 6\n"
        "      sum[i,sum.i.j] = sum.i[sum.i.j]\n");
}

TEST_CASE("sums that began earlier are copied in, and out by the layout asked for") {
  CHECK(moved(product,
              "split k -> ko ki(4)   order ko i j ki   stage sum at ko in register layout(j i)") ==
        "kernel sum(a f32[4,8], b f32[8,6]) -> sum f32[4,6]\n"
        "local sum.ko f32[6,4] in register\n"
        "  for ko 2\n"
        "    for sum.ko.j 6 when ko == 1\n"
        "      for sum.ko.i 4\n"
        "        sum.ko[sum.ko.j,sum.ko.i] = sum[sum.ko.i,sum.ko.j]\n"
        "    for i 4\n"
        "      for j 6\n"
        "        for ki 4\n"
        "          sum.ko[j,i] += a[i,4*ko + ki] * b[4*ko + ki,j] over ko, ki\n"
        "    for sum.ko.j 6\n"
        "      for sum.ko.i 4\n"
        "        sum[sum.ko.i,sum.ko.j] = sum.ko[sum.ko.j,sum.ko.i]\n");
}

TEST_CASE("results stream past the caches") {
  CHECK(moved(differences, "stage map at root stream") ==
        "kernel map(x f32[10]) -> map f32[9]\n"
        "  for i 9\n"
        "    map[i] = (x[i] + x[i + 1]) stream\n");
}

TEST_CASE("what stage refuses of any tensor") {
  CHECK(moved(product, "stage q at i") == "stage q at i: no tensor q");
  CHECK(moved(product, "stage b at q") == "stage b at q: no axis q");
  CHECK(moved(product, "stage b at root   stage b at i") == "stage b at i: nothing at i uses b");
  CHECK(moved(product, "stage b at i layout(q k)") ==
        "stage b at i layout(q k): q is not an axis of the tile");
  CHECK(moved(product, "stage b at i layout(k)") ==
        "stage b at i layout(k): the layout must name every axis of the tile");
}

TEST_CASE("what stage refuses of an operand") {
  CHECK(moved(product, "stage b at i stream") ==
        "stage b at i stream: only what is stored can be streamed");
  CHECK(moved(product, "stage b at root depth 2") == "stage b at root depth 2: depth needs a loop");
  CHECK(moved(differences, "stage x at root") ==
        "stage x at root: it is read at several places there; use box");
  CHECK(moved(rows_by_index, "stage x at root box") ==
        "stage x at root box: box: its subscripts are computed; leave box out");
  CHECK(moved(product, "fuse i j -> ij   split ij -> o p(5)   stage a at o box") ==
        "stage a at o box: box: a subscript divides, or what is read moves apart; "
        "leave box out");
}

TEST_CASE("what stage refuses of a result") {
  CHECK(moved(product, "stage sum at i box") == "stage sum at i box: box is for operands");
  CHECK(moved(product, "stage sum at i depth 2") ==
        "stage sum at i depth 2: depth is for operands");
  CHECK(moved(product, "stage sum at i stream") ==
        "stage sum at i stream: sum is read again there: stage it in registers first");
  CHECK(moved(sums_and_powers, "stage sum at root stream") ==
        "stage sum at root stream: only an output can be streamed");
  CHECK(moved(rows_to_index, "stage scatter at i2") ==
        "stage scatter at i2: it is used at computed places");
  CHECK(moved(product, "stage sum at root layout(i)") ==
        "stage sum at root layout(i): the layout must name every axis of the tile");
  CHECK(moved(product, "stage sum at i layout(q)") ==
        "stage sum at i layout(q): q is not an axis of the tile");
}

TEST_CASE("a box holds the fill of a padding, so reads from it need no test") {
  CHECK(moved("x = input f32[2,1,4,6]\n"
              "y = max_pool2d(x, size=3, stride=1, padding=1)\n"
              "output y\n",
              "stage x at i box") ==
        "kernel max(x f32[2,1,4,6]) -> max f32[2,1,4,6]\n"
        "local x.i f32[6,8]\n"
        "  for i 2\n"
        "    for x.i.2 6\n"
        "      for x.i.3 8\n"
        "        x.i[x.i.2,x.i.3] = (x[i,0,x.i.2 - 1,x.i.3 - 1] if 0 <= x.i.2 - 1 < 4 and "
        "0 <= x.i.3 - 1 < 6 else -inf)\n"
        "    for l 4\n"
        "      for m 6\n"
        "        for k 3\n"
        "          for r 3\n"
        "            max[i,0,l,m] max= x.i[l + k,m + r] over k, r\n");
}
