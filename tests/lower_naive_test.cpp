#include "lower/naive.h"

#include <doctest/doctest.h>

#include "lower_support.h"
#include "ops/views.h"

using namespace tenon_test;
using tenon::Index;
using tenon::Range;
using tenon::ScalarOp;
using tenon::Type;

TEST_CASE("a product of matrices is three loops") {
  Inputs in;
  const Tensor a = in.floats({4, 5}, "a"), b = in.floats({5, 3}, "b");
  CHECK(checked_nest(one_kernel({matmul(a, b)}), in) ==
        "kernel sum(a f32[4,5], b f32[5,3]) -> sum f32[4,3]\n"
        "  for i 4\n"
        "    for j 3\n"
        "      for k 5\n"
        "        sum[i,j] += a[i,k] * b[k,j] over k\n");
}

TEST_CASE("a column begins at its first element, and so ends behind the last row's") {
  Inputs in;
  const Tensor x = in.floats({16, 4}, "x");
  const auto nest = tenon::naive(one_kernel({slice(x, {{}, {3, 4}}) * slice(x, {{}, {2, 3}})}));
  CHECK(nest.tensors[0].extents == std::vector<std::int64_t>{16, 4});
  CHECK(nest.tensors[0].missing == 2);
  CHECK(print(nest).find("in0[i,1] * in0[i,0]") != std::string::npos);
}

TEST_CASE("a long reduction over columns has blocks, the last one shorter") {
  Inputs in;
  const Tensor x = in.floats({2500, 20}, "x");
  CHECK(checked_nest(one_kernel({max(x, {0})}), in) ==
        "kernel max(x f32[2500,20]) -> max f32[20]\n"
        "local part f32[20]\n"
        "limit 1024*kb + k < 2500\n"
        "  for i 20\n"
        "    for kb 3\n"
        "      for k 1024\n"
        "        part[i] max= x[1024*kb + k,i] over k\n"
        "      max[i] max= part[i] over kb\n");
}

TEST_CASE("a reduction along rows has strands, which are folded last") {
  Inputs in;
  const Tensor x = in.floats({3, 2100}, "x");
  CHECK(checked_nest(one_kernel({sum(x, {1})}), in) ==
        "kernel sum(x f32[3,2100]) -> sum f32[3]\n"
        "local part f32[3,64]\n"
        "local tot f32[3,64]\n"
        "limit 1024*kb + 64*k + kl < 2100 peel\n"
        "  for i 3\n"
        "    for kb 3\n"
        "      for k 16\n"
        "        for kl 64\n"
        "          part[i,kl] += x[i,1024*kb + 64*k + kl] over k\n"
        "      for kl 64\n"
        "        tot[i,kl] += part[i,kl] over kb\n"
        "    sum[i] = fold(tot[i,:64])\n");
}

TEST_CASE("over a thousand blocks are added up in groups") {
  Inputs in;
  const Tensor row = in.floats({32}, "x");
  const Tensor x = expand(row, {1050625, 32});
  CHECK(print(named_naive(one_kernel({sum(x, {0})}))) ==
        "kernel sum(x f32[32]) -> sum f32[32]\n"
        "local part f32[32]\n"
        "local group f32[32]\n"
        "limit 1024*kbb + kb < 1027\n"
        "limit 1048576*kbb + 1024*kb + k < 1050625\n"
        "  for i 32\n"
        "    for kbb 2\n"
        "      for kb 1024\n"
        "        for k 1024\n"
        "          part[i] += x[i] over k\n"
        "        group[i] += part[i] over kb\n"
        "      sum[i] += group[i] over kbb\n");
}

TEST_CASE("a convolution reads its padding as zeros") {
  Inputs in;
  const Tensor x = in.floats({1, 2, 5, 5}, "x"), w = in.floats({3, 2, 3, 3}, "w");
  const Tensor padded = pad(x, {{0, 0}, {0, 0}, {1, 1}, {1, 1}});
  const Tensor rows = window(padded, 2, 3);       // [1,2,5,7,3]
  const Tensor patches = window(rows, 3, 3);      // [1,2,5,5,3,3]
  const tenon::Shape terms{1, 3, 5, 5, 2, 3, 3};  // n, co, h, w, ci, r, s
  const Tensor left =
      expand(reshape(permute(patches, {0, 2, 3, 1, 4, 5}), {1, 1, 5, 5, 2, 3, 3}), terms);
  const Tensor right = expand(reshape(w, {3, 1, 1, 2, 3, 3}), terms);
  const auto text = checked_nest(one_kernel({sum_of_products(left * right, {4, 5, 6})}), in);
  CHECK(text ==
        "kernel sum(x f32[1,2,5,5], w f32[3,2,3,3]) -> sum f32[1,3,5,5]\n"
        "  for j 3\n"
        "    for l 5\n"
        "      for m 5\n"
        "        for k 2\n"
        "          for r 3\n"
        "            for s 3\n"
        "              sum[0,j,l,m] += (x[0,k,l + r - 1,m + s - 1] if 0 <= l + r - 1 < 5 and "
        "0 <= m + s - 1 < 5 else 0) * w[j,k,r,s] over k, r, s\n");
}

TEST_CASE("softmax computes its rows one after the other") {
  Inputs in;
  const Tensor x = in.floats({4, 7}, "x");
  const Tensor largest = max(x, {1});
  const Tensor powers = exp2(x - in_rows(largest, x));
  const Tensor total = sum(powers, {1});
  const Tensor y = map(ScalarOp::div, {powers, in_rows(total, x)});
  CHECK(checked_nest(one_kernel({y}, {largest, total}), in) ==
        "kernel map(x f32[4,7]) -> map f32[4,7]\n"
        "local max f32[4]\n"
        "local sum f32[4]\n"
        "  for i 4\n"
        "    for max.k 7\n"
        "      max[i] max= x[i,max.k] over max.k\n"
        "    for sum.k 7\n"
        "      sum[i] += exp2((x[i,sum.k] + -1 * max[i])) over sum.k\n"
        "    for j 7\n"
        "      map[i,j] = div(exp2((x[i,j] + -1 * max[i])), sum[i])\n");
}

TEST_CASE("two reductions of one input share its loops") {
  Inputs in;
  const Tensor x = in.floats({3, 6}, "x");
  CHECK(checked_nest(one_kernel({sum(x, {1}), max(x, {1})}), in) ==
        "kernel sum_max(x f32[3,6]) -> sum f32[3], max f32[3]\n"
        "  for i 3\n"
        "    for k 6\n"
        "      sum[i] += x[i,k] over k\n"
        "      max[i] max= x[i,k] over k\n");
}

TEST_CASE("a gather reads, and a scatter adds, at a computed index") {
  Inputs in;
  const Tensor table = in.floats({6, 3}, "table"), rows = in.integers({4}, 8, "rows");
  CHECK(checked_nest(one_kernel({gather(table, rows, 0)}), in) ==
        "kernel gather(table f32[6,3], rows i32[4]) -> gather f32[4,3]\n"
        "  for i 4\n"
        "    for j 3\n"
        "      gather[i,j] = table[rows[i],j]\n");
  const Tensor update = in.floats({4, 3}, "update");
  CHECK(checked_nest(one_kernel({scatter(table, rows, update, 0, true)}), in) ==
        "kernel scatter(table f32[6,3], rows i32[4], update f32[4,3]) -> scatter f32[6,3]\n"
        "  for i 6\n"
        "    for j 3\n"
        "      scatter[i,j] = table[i,j]\n"
        "  for j2 3\n"
        "    for i2 4\n"
        "      scatter[rows[i2],j2] += update[i2,j2]\n");
  CHECK(wrong(one_kernel({scatter(table, rows, update, 0, false)}), in) == "");
}

TEST_CASE("a reshape between two loops is folded into the shape of the argument") {
  Inputs in;
  const Tensor x = in.floats({4, 2, 3}, "x");
  const Tensor flat = reshape(x, {4, 6});
  CHECK(checked_nest(one_kernel({flat * flat}), in) ==
        "kernel map(x f32[4,6]) -> map f32[4,6]\n"
        "  for i 4\n"
        "    for j 6\n"
        "      map[i,j] = x[i,j] * x[i,j]\n");
  CHECK(print(named_naive(fused({reshape(exp2(x), {24})}, in).kernels[0])) ==
        "kernel map(x f32[4,2,3]) -> map f32[4,2,3]\n"
        "  for i 4\n"
        "    for j 2\n"
        "      for l 3\n"
        "        map[i,j,l] = exp2(x[i,j,l])\n");
}

TEST_CASE("padding inside padding keeps both fills") {
  Inputs in;
  const Tensor x = in.floats({3}, "x");
  const Tensor y = pad(exp2(pad(x, {{1, 0}}, 2)), {{0, 2}}, 7);
  CHECK(checked_nest(one_kernel({y}), in) ==
        "kernel copy(x f32[3]) -> copy f32[6]\n"
        "  for i 6\n"
        "    copy[i] = where((i < 4), exp2((x[i - 1] if i < 4 and 0 <= i - 1 < 3 else 2)), 7)\n");
  CHECK(wrong(one_kernel({pad(pad(x, {{1, 0}}, 2), {{0, 2}}, 7)}), in) == "");
  CHECK(wrong(one_kernel({pad(pad(x, {{1, 0}}, 2), {{0, 2}}, 2)}), in) == "");
}

TEST_CASE("shapes of every kind come out as the interpreter has them") {
  Inputs in;
  for (const Shape& shape : {Shape{0, 3},
                             {3, 0},
                             {1, 1},
                             {3, 1100},
                             {1100, 3},
                             {5, 64, 20},
                             {70, 130},
                             {2, 17, 90},
                             {1025, 2},
                             {2, 2, 2, 513}}) {
    const Tensor x = in.floats(shape);
    const int last = x.rank() - 1;
    std::vector<int> all, reversed;
    for (int axis = 0; axis <= last; axis++) all.push_back(axis);
    for (int axis = last; axis >= 0; axis--) reversed.push_back(axis);
    CAPTURE(text(shape));
    for (const Tensor& view : {x, permute(x, reversed), flip(x, {last})}) {
      CHECK(wrong(one_kernel({sum(view, {0})}), in) == "");
      CHECK(wrong(one_kernel({max(view, {last})}), in) == "");
      CHECK(wrong(one_kernel({sum(view, all)}), in) == "");
      CHECK(wrong(one_kernel({sum_of_products(view * view, {last})}), in) == "");
      CHECK(wrong(one_kernel({sum(cast(view * number(9, view), Type::i32), all)}), in) == "");
    }
  }
}
